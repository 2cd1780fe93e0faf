"""Small images made from Debian's busybox, without any other tool."""

import gzip
import hashlib
import io
import json
import os
import tarfile

BUSYBOX = "/bin/busybox"
APPLETS = ("sh ls cat id echo true false env pwd stat sleep touch rm mkdir ln mount umount ps "
           "kill hostname ulimit grep sed head tail wc test tty stty seq yes date chmod chown "
           "find readlink sort uname df nproc dd printf sync mv cp ip ifconfig expr tr cut "
           "od").split()
PASSWD = ("root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
          "alice:x:1000:1000:Alice:/home/alice:/bin/sh\n")
GROUP = "root:x:0:\ndaemon:x:1:\naudio:x:29:alice\nalice:x:1000:\n"


def _add(tar, name, kind=tarfile.REGTYPE, data=b"", mode=0o644, **kw):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode, info.mtime = kind, len(data), mode, 1700000000
    for key, value in kw.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(data))


def busybox_tar(extra=()):
    """Bytes of a root file system: busybox, its links, users. extra: (name, kwargs of _add)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for directory, mode in (("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("tmp", 0o1777),
                                ("home", 0o755), ("usr", 0o755), ("usr/bin", 0o755)):
            _add(tar, directory, tarfile.DIRTYPE, mode=mode)
        _add(tar, "home/alice", tarfile.DIRTYPE, mode=0o755, uid=1000, gid=1000)
        with open(BUSYBOX, "rb") as f:
            _add(tar, "bin/busybox", data=f.read(), mode=0o755)
        for applet in APPLETS:
            _add(tar, f"bin/{applet}", tarfile.SYMTYPE, mode=0o777, linkname="busybox")
        _add(tar, "etc/passwd", data=PASSWD.encode())
        _add(tar, "etc/group", data=GROUP.encode())
        for name, kw in extra:
            _add(tar, name, **kw)
    return out.getvalue()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def image_config(layers, **config):
    return json.dumps({
        "architecture": "amd64" if os.uname().machine == "x86_64" else "arm64",
        "os": "linux",
        "created": "2024-01-01T00:00:00Z",
        "config": {"Env": ["PATH=/bin:/usr/bin"], "Cmd": ["/bin/sh"], **config},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        "history": [{"created_by": f"layer {i}"} for i in range(len(layers))],
    }).encode()


def docker_archive(path, tags, layers=None, **config):
    """A docker-archive (docker save before 25) at path."""
    layers = layers if layers is not None else [busybox_tar()]
    cfg = image_config(layers, **config)
    names = [f"{digest(layer)[7:]}/layer.tar" for layer in layers]
    manifest = [{"Config": digest(cfg)[7:] + ".json", "RepoTags": tags, "Layers": names}]
    with tarfile.open(path, "w") as tar:
        _add(tar, digest(cfg)[7:] + ".json", data=cfg)
        for name, layer in zip(names, layers):
            _add(tar, name, data=layer)
        _add(tar, "manifest.json", data=json.dumps(manifest).encode())
    os.chmod(path, 0o644)
    return path


def oci_layout(path, tag="latest", layers=None, compress=True, **config):
    """An OCI layout directory at path; returns the manifest's digest."""
    layers = layers if layers is not None else [busybox_tar()]
    blobs = os.path.join(path, "blobs/sha256")
    os.makedirs(blobs)

    def put(data, media_type):
        with open(os.path.join(blobs, digest(data)[7:]), "wb") as f:
            f.write(data)
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

    kind = "application/vnd.oci.image."
    cfg = put(image_config(layers, **config), kind + "config.v1+json")
    descriptors = [put(gzip.compress(layer, mtime=0) if compress else layer,
                       kind + "layer.v1.tar" + ("+gzip" if compress else ""))
                   for layer in layers]
    manifest = put(json.dumps({
        "schemaVersion": 2, "mediaType": kind + "manifest.v1+json",
        "config": cfg, "layers": descriptors}).encode(), kind + "manifest.v1+json")
    manifest["annotations"] = {"org.opencontainers.image.ref.name": tag}
    with open(os.path.join(path, "oci-layout"), "w", encoding="utf-8") as f:
        json.dump({"imageLayoutVersion": "1.0.0"}, f)
    with open(os.path.join(path, "index.json"), "w", encoding="utf-8") as f:
        json.dump({"schemaVersion": 2, "manifests": [manifest]}, f)
    return manifest["digest"]


def busybox_rootfs(path):
    """The same file system unpacked as a plain directory."""
    os.makedirs(path)
    with tarfile.open(fileobj=io.BytesIO(busybox_tar())) as tar:
        tar.extractall(path)
    return path
