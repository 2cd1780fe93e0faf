"""Archives and directories of images, written by docker, podman, buildah, skopeo and umoci, read
and written back, and what we write read by them; export of containers. As root and as users."""
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import time

import pytest

import docker as docker_programs
import images
import tree
from terminal import Terminal

needs = {tool: pytest.mark.skipif(not shutil.which(tool), reason=f"{tool} is not installed")
         for tool in ("podman", "buildah", "skopeo", "umoci", "bsdtar")}

CAPABILITY = "\x01\x00\x00\x02\x00\x20" + "\x00" * 14  # cap_net_raw, version 2
LONG = "deep/" + "/".join(f"{c * 40}" for c in "abcdefg")


def tar_of(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kw in entries:
            images._add(tar, name, **kw)  # pylint: disable=protected-access
    return out.getvalue()


def directory(mode=0o755, **kw):
    return {"kind": tarfile.DIRTYPE, "mode": mode, **kw}


def link(kind, target):
    return {"kind": kind, "mode": 0o777, "linkname": target}


LAYERS = [
    images.busybox_tar([
        ("srv", directory(uid=33, gid=34)),
        ("srv/data", {"data": b"data\n", "uid": 33, "gid": 34, "mode": 0o640}),
        ("srv/plain", {"data": b"data\n", "uid": 33, "gid": 34, "mode": 0o4640}),
        ("srv/hard", link(tarfile.LNKTYPE, "srv/data")),
        ("srv/su", {"data": b"x", "uid": 33, "gid": 34, "mode": 0o6755}),
        ("srv/pipe", {"kind": tarfile.FIFOTYPE, "uid": 7}),
        ("srv/link", {**link(tarfile.SYMTYPE, "data"), "uid": 9, "gid": 9}),
        ("srv/user", {"data": b"u", "pax_headers": {"SCHILY.xattr.user.note": "a=b"}}),
        ("srv/capable", {"data": b"c", "mode": 0o755,
                         "pax_headers": {"SCHILY.xattr.security.capability": CAPABILITY}}),
        ("srv/null", {"kind": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3, "mode": 0o666}),
        *((LONG[:i], directory()) for i, c in enumerate(LONG) if c == "/"),
        (LONG, {"data": b"far\n"}),
        ("deep/\u00e4", {"data": b"umlaut"}),
        ("gone", {"data": b"gone\n"}),
        ("old", directory()),
        ("old/file", {"data": b"old\n"}),
        ("kind", {"data": b"a file\n"}),
        ("closed", directory(0o700, uid=33)),
        ("closed/in", {"data": b"in\n", "mode": 0o600, "uid": 33}),
    ]),
    tar_of((".wh.gone", {}), ("old", directory(0o750)), ("old/.wh..wh..opq", {}),
           ("old/new", {"data": b"new\n", "uid": 5}), ("kind", directory(0o711)),
           ("kind/inside", {"data": b"i"}), ("etc/motd", {"data": b"hello\n"})),
    tar_of(("etc/motd", {"data": b"hello again\n"})),
]
CONFIG = images.image_config(LAYERS, User="alice", Labels={"a": "b"})
ID = images.digest(CONFIG)


def run(*argv, **kw):
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, check=False,
                          timeout=300, **kw)
    assert done.returncode == 0, f"{' '.join(map(str, argv))}: {done.stderr}"
    return done.stdout


# What others write


def write_tar(path, files, links=()):
    with tarfile.open(path, "w") as tar:
        for name, data in files:
            images._add(tar, name, data=data)  # pylint: disable=protected-access
        for name, target in links:
            images._add(tar, name, **link(tarfile.SYMTYPE, target))  # pylint: disable=protected-access
    return path


def docker_24(path):
    """docker save before 25: a directory for each layer, a layer that comes twice is a link."""
    layers = [*LAYERS, LAYERS[2]]
    config = images.image_config(layers, User="alice")
    ids = [images.digest(f"{i}".encode())[7:] for i in range(len(layers))]
    files, links = [(images.digest(config)[7:] + ".json", config)], []
    for i, (name, data) in enumerate(zip(ids, layers)):
        files += [(f"{name}/VERSION", b"1.0"), (f"{name}/json", b"{}")]
        if i == 3:
            links.append((f"{name}/layer.tar", f"../{ids[2]}/layer.tar"))
        else:
            files.append((f"{name}/layer.tar", data))
    manifest = [{"Config": images.digest(config)[7:] + ".json", "RepoTags": ["box:1", "box:two"],
                 "Layers": [f"{name}/layer.tar" for name in ids]}]
    files += [("manifest.json", json.dumps(manifest).encode()),
              ("repositories", json.dumps({"box": {"1": ids[3], "two": ids[3]}}).encode())]
    return write_tar(path, files, links), images.digest(config)


def blob(data):
    return f"blobs/sha256/{images.digest(data)[7:]}"


def descriptor(data, media_type, **more):
    return {"mediaType": media_type, "digest": images.digest(data), "size": len(data), **more}


OCI = "application/vnd.oci.image."


def oci_manifest(layers, suffix=""):
    return json.dumps({
        "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
        "config": descriptor(CONFIG, OCI + "config.v1+json"),
        "layers": [descriptor(x, OCI + "layer.v1.tar" + suffix) for x in layers],
    }).encode()


def docker_index(children):
    return json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json",
                       "manifests": children}).encode()


NAMES = {"io.containerd.image.name": "docker.io/library/box:1",
         "org.opencontainers.image.ref.name": "1"}


def docker_25(path):
    """docker save since 25: an OCI layout with plain layers, and manifest.json beside it."""
    manifest = oci_manifest(LAYERS)
    index = docker_index([descriptor(manifest, OCI + "manifest.v1+json", annotations=NAMES)])
    old = [{"Config": blob(CONFIG), "RepoTags": ["box:1"], "Layers": [blob(x) for x in LAYERS]}]
    files = [(blob(x), x) for x in [*LAYERS, CONFIG, manifest]]
    files += [("index.json", index), ("manifest.json", json.dumps(old).encode()),
              ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
              ("repositories", json.dumps({"box": {"1": blob(LAYERS[2])[13:]}}).encode())]
    return write_tar(path, files), ID


def docker_containerd(path):
    """docker with containerd's store: packed layers, an index whose other images are not there."""
    layers = [gzip.compress(x, mtime=0) for x in LAYERS]
    manifest = oci_manifest(layers, "+gzip")
    arch = json.loads(CONFIG)["architecture"]
    other = descriptor(b"elsewhere", OCI + "manifest.v1+json",
                       platform={"os": "linux", "architecture": "s390x"})
    proof = descriptor(b"proof", OCI + "manifest.v1+json",
                       platform={"os": "unknown", "architecture": "unknown"},
                       annotations={"vnd.docker.reference.type": "attestation-manifest"})
    inner = docker_index([other, descriptor(manifest, OCI + "manifest.v1+json", platform={
        "os": "linux", "architecture": arch}), proof])
    index = docker_index([descriptor(inner, OCI + "index.v1+json", annotations=NAMES)])
    old = [{"Config": blob(CONFIG), "RepoTags": ["box:1"], "Layers": [blob(x) for x in layers]}]
    files = [(blob(x), x) for x in [*layers, CONFIG, manifest, inner]]
    files += [("index.json", index), ("manifest.json", json.dumps(old).encode()),
              ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')]
    return write_tar(path, files), ID


@pytest.fixture(scope="session")
def place(scratch):
    path = os.path.join(scratch, "archives")
    os.makedirs(path)
    os.chmod(path, 0o755)
    return path


@pytest.fixture(scope="session")
def source(place):
    """A docker archive of the image, and the same as an OCI layout, for the peers to copy."""
    images.docker_archive(f"{place}/source.tar", ["box:1"], layers=LAYERS, User="alice",
                          Labels={"a": "b"})
    images.oci_layout(f"{place}/source", layers=LAYERS, User="alice", Labels={"a": "b"})
    return f"{place}/source"


@pytest.fixture(scope="session")
def podman(place, source):
    """podman and buildah with the image as docker.io/library/box:1 in a store of their own."""
    store = ["--root", f"{place}/podman", "--runroot", f"{place}/podman-run",
             "--storage-driver", "vfs"]

    def call(*args, tool="podman"):
        more = ["--cgroup-manager", "cgroupfs", "--events-backend", "file"]
        return run(tool, *store, *(more if tool == "podman" else []), *args)

    if shutil.which("podman"):
        call("pull", "-q", f"docker-archive:{source}.tar")
        call("tag", ID[7:], "docker.io/library/box:1")
        call("tag", ID[7:], "docker.io/library/box:two")
    return call


def readable(path):
    run("chmod", "-R", "a+rX", path)
    return path


def by_podman(fmt, *args):
    def write(path, podman, _source):
        podman("save", "-q", "--format", fmt, *args, "-o", path, "docker.io/library/box:1")
        return path
    return write


def by_podman_multi(path, podman, _source):
    podman("save", "-q", "-m", "-o", path, "docker.io/library/box:1", "docker.io/library/box:two")
    return path


def by_buildah(transport):
    def write(path, podman, _source):
        podman("push", "-q", ID[7:], f"{transport}:{path}:docker.io/library/box:1"
               if transport != "dir" else f"dir:{path}", tool="buildah")
        return path
    return write


def by_skopeo(target, *args):
    def write(path, _podman, source):
        run("skopeo", "copy", "-q", *args, f"oci:{source}:latest", target.format(path))
        return path
    return write


def by_umoci(path, _podman, source):
    """umoci keeps the base and adds a layer of its own."""
    shutil.copytree(source, path)
    run("umoci", "config", "--image", f"{path}:latest", "--tag", "made", "--config.label", "by=umoci")
    run("umoci", "tag", "--image", f"{path}:made", "latest")
    run("umoci", "rm", "--image", f"{path}:made")
    run("umoci", "gc", "--layout", path)
    return path


WRITERS = {
    "podman-docker": ("podman", by_podman("docker-archive")),
    "podman-multi": ("podman", by_podman_multi),
    "podman-oci": ("podman", by_podman("oci-archive")),
    "podman-oci-dir": ("podman", by_podman("oci-dir")),
    "podman-docker-dir": ("podman", by_podman("docker-dir")),
    "podman-docker-dir-gz": ("podman", by_podman("docker-dir", "--compress")),
    "buildah-docker": ("buildah", by_buildah("docker-archive")),
    "buildah-oci": ("buildah", by_buildah("oci-archive")),
    "buildah-dir": ("buildah", by_buildah("dir")),
    "skopeo-docker": ("skopeo", by_skopeo("docker-archive:{}:docker.io/library/box:1")),
    "skopeo-oci": ("skopeo", by_skopeo("oci-archive:{}:docker.io/library/box:1")),
    "skopeo-zstd": ("skopeo", by_skopeo("oci:{}:docker.io/library/box:1",
                                        "--dest-compress-format", "zstd")),
    "skopeo-dir": ("skopeo", by_skopeo("dir:{}")),
    "umoci": ("umoci", by_umoci),
}


def contents(path):
    """{member: bytes} of an archive or a directory, links followed."""
    found = {}
    if os.path.isdir(path):
        for where, _, files in os.walk(path):
            for name in files:
                with open(os.path.join(where, name), "rb") as f:
                    found[os.path.relpath(os.path.join(where, name), path)] = f.read()
        return found
    with tarfile.open(path) as tar:
        for member in tar:
            if not member.isdir():
                found[member.name] = tar.extractfile(member).read()
    return found


def facts(path):
    """(image id, manifest digest or None when the archive has none)."""
    files = contents(path)
    if "index.json" in files:
        entry = json.loads(files["index.json"])["manifests"][0]["digest"]
        manifest = json.loads(files["blobs/sha256/" + entry[7:]])
        return manifest["config"]["digest"], entry
    doc = json.loads(files["manifest.json"])
    if isinstance(doc, dict):
        return doc["config"]["digest"], images.digest(files["manifest.json"])
    return images.digest(files[doc[0]["Config"]]), None


@pytest.fixture(scope="session")
def written(place, podman, source):
    """Function: what that peer writes, made once."""
    made = {}

    def get(kind):
        tool, write = WRITERS[kind]
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
        if kind not in made:
            made[kind] = readable(write(f"{place}/by-{kind}", podman, source))
        return made[kind]
    return get


def unpacked_by_umoci(layout, where):
    run("umoci", "unpack", "--image", layout, where)
    found = tree.listing(f"{where}/rootfs")
    shutil.rmtree(where)
    return found


@pytest.fixture(scope="session")
def umoci_tree(place, source):
    """The image's tree as umoci makes it, as root."""
    if not shutil.which("umoci"):
        pytest.skip("umoci is not installed")
    return unpacked_by_umoci(f"{source}:latest", f"{place}/bundle")


def clear(user):
    for name in user.ok("ps", "-aq").split():
        user.ok("rm", "-f", name)
    if user.ok("images", "-aq").split():
        user.ok("rmi", "--all", "--force")


@pytest.fixture
def box(user):
    """The account with an empty store."""
    clear(user)
    yield user
    clear(user)
    assert user.leftovers() == []


one_user = pytest.mark.parametrize("user", ["sub"], indirect=True)
root_only = pytest.mark.parametrize("user", ["root"], indirect=True)


@pytest.fixture
def work(box, scratch):
    """A directory that the account can read and write."""
    path = os.path.join(scratch, f"work-{time.monotonic_ns()}")
    os.makedirs(path)
    os.chown(path, box.uid, box.gid)
    yield path
    shutil.rmtree(path)


def export(user, container, work, *args):
    """The exported tar's path."""
    path = f"{work}/export.tar"
    user.ok("export", *args, "-o", path, container)
    return path


def extracted(path, work):
    """The tree of a tar as GNU tar makes it, as root."""
    where = f"{work}/extracted"
    os.makedirs(where)
    run("tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", path, "-C", where)
    found = tree.listing(where)
    shutil.rmtree(where)
    return found


def same_tree(user, got, want):
    """But for the root itself, which an export does not hold, and what this user cannot have."""
    for one in (got, want):
        one.pop(".", None)
        if user.kind == "sub":  # no account of ours has device nodes
            one.pop("srv/null", None)
        if "srv/null" in one:  # without subordinate ids it is only recorded: no time
            one["srv/null"] = re.sub(r"mtime=\d+", "", one["srv/null"])
    assert "\n".join(tree.difference(got, want)) == ""


def image_tree(user, image, work):
    user.ok("create", "--name", "tree", image)
    try:
        return extracted(export(user, "tree", work), work)
    finally:
        user.ok("rm", "tree")


def loaded_id(user):
    ids = set(user.ok("images", "-q", "--no-trunc").split())
    assert len(ids) == 1
    return ids.pop()


def manifest_of(path):
    return facts(path)[1]


# Reading what others write


# Root reads all of them, the others one of each family.
FAMILIES = ["podman-docker", "buildah-oci", "skopeo-zstd", "umoci"]
READS = [("root", kind) for kind in WRITERS] + [
    (user, kind) for user in ("sub", "nosub") for kind in FAMILIES]


@pytest.mark.parametrize("user, kind", READS, indirect=["user"])
def test_reads_what_others_write(box, work, written, umoci_tree, kind):
    path = written(kind)
    box.ok("load", "-q", "-i", path)
    image_id, manifest = facts(path)
    assert loaded_id(box) == image_id
    same_tree(box, image_tree(box, image_id, work), dict(umoci_tree))
    box.ok("save", "-o", f"{work}/back.tar", image_id)
    assert facts(f"{work}/back.tar")[0] == image_id
    if manifest:
        assert manifest_of(f"{work}/back.tar") == manifest


@one_user
@pytest.mark.parametrize("kind, names", [
    ("podman-docker", ["box:1"]), ("podman-multi", ["box:1", "box:two"]),
    ("podman-oci", ["box:1"]), ("podman-docker-dir", ["localhost/by-podman-docker-dir:latest"]),
    ("buildah-docker", ["box:1"]), ("skopeo-docker", ["box:1"]), ("skopeo-oci", ["box:1"]),
    ("skopeo-dir", ["localhost/by-skopeo-dir:latest"]), ("umoci", ["localhost/latest:latest"]),
])
def test_names_of_others(box, written, kind, names):
    said = box.ok("load", "-i", written(kind))
    assert sorted(said.splitlines()) == [f"Loaded image: {name}" for name in names]


@pytest.mark.parametrize("make", [docker_24, docker_25, docker_containerd])
def test_reads_what_docker_writes(box, work, umoci_tree, make):
    path, image_id = make(f"{work}/docker.tar")
    os.chmod(path, 0o644)
    said = box.ok("load", "-i", path)
    assert "Loaded image: box:1\n" in said
    assert loaded_id(box) == image_id
    same_tree(box, image_tree(box, "box:1", work), dict(umoci_tree))
    if make is docker_24:
        assert said == "Loaded image: box:1\nLoaded image: box:two\n"
        return
    box.ok("save", "-o", f"{work}/back.tar", "box:1")
    layers = LAYERS if make is docker_25 else [gzip.compress(x, mtime=0) for x in LAYERS]
    assert manifest_of(f"{work}/back.tar") == images.digest(
        oci_manifest(layers, "" if make is docker_25 else "+gzip"))


@one_user
def test_platform(box, work):
    path, _ = docker_containerd(f"{work}/docker.tar")
    os.chmod(path, 0o644)
    arch = json.loads(CONFIG)["architecture"]
    assert box.ok("load", "--platform", f"linux/{arch}", "-i", path) == "Loaded image: box:1\n"
    clear(box)
    said = box.fails(1, "load", "--platform", "linux/s390x", "-i", path)
    assert said.startswith("proa: load: manifest sha256:")
    assert said.endswith("is not in the archive\n")
    said = box.fails(1, "load", "--platform", "linux/riscv64", "-i", path)
    assert "linux/riscv64" in said
    path, _ = docker_25(f"{work}/single.tar")
    os.chmod(path, 0o644)
    assert box.fails(1, "load", "--platform", "linux/s390x", "-i", path) == (
        "proa: load: image with reference docker.io/library/box:1 was found but does not provide "
        "the specified platform (linux/s390x)\n")
    box.ok("load", "-q", "-i", path)
    assert box.fails(1, "save", "--platform", "linux/s390x", "-o", f"{work}/x.tar", "box:1") == (
        "proa: save: image with reference box:1 was found but does not provide the specified "
        "platform (linux/s390x)\n")
    assert not os.path.exists(f"{work}/x.tar")
    box.ok("save", "--platform", f"linux/{arch}", "-o", f"{work}/x.tar", "box:1")


PACKERS = {"gzip": ["gzip", "-nc"], "zstd": ["zstd", "-qc"], "xz": ["xz", "-c"],
           "bzip2": ["bzip2", "-c"]}


@one_user
@pytest.mark.parametrize("packer", PACKERS)
def test_packed_archives(box, work, source, packer):
    if not shutil.which(packer):
        pytest.skip(f"{packer} is not installed")
    with open(f"{source}.tar", "rb") as plain, open(f"{work}/packed", "wb") as packed:
        subprocess.run(PACKERS[packer], stdin=plain, stdout=packed, check=True)
    os.chmod(f"{work}/packed", 0o644)
    assert box.ok("load", "-i", f"{work}/packed") == "Loaded image: box:1\n"
    clear(box)
    with open(f"{work}/packed", "rb") as packed:  # a file that can be read from its beginning
        assert box.ok("load", stdin=packed) == "Loaded image: box:1\n"
    clear(box)
    with subprocess.Popen(["cat", f"{work}/packed"], stdout=subprocess.PIPE) as cat:
        assert box.ok("load", "-q", stdin=cat.stdout) == "Loaded image: box:1\n"
    clear(box)
    size = os.path.getsize(f"{work}/packed")
    os.truncate(f"{work}/packed", size // 2)
    said = box.fails(1, "load", "-i", f"{work}/packed")
    assert {"gzip": "gzip: data is cut off", "zstd": "zstd: data is cut off",
            "xz": "xz: (stdin): Unexpected end of input",
            "bzip2": "bzip2: Compressed file ends unexpectedly"}[packer] in said


@one_user
def test_what_is_no_archive(box, work):
    path = f"{work}/file"

    def load(data):
        with open(path, "wb") as f:
            f.write(data)
        return box.fails(1, "load", "-i", path)

    assert load(b"hello\n") == f"proa: load: {path}: no tar archive: it ends after 6 bytes\n"
    assert load(b"x" * 2000) == (
        f"proa: load: {path}: tar header: wrong checksum (not a tar archive?)\n")
    assert load(b"") == f"proa: load: {path}: tar archive is empty (0 bytes)\n"
    assert load(tar_of(("repositories", {"data": b"{}"}))) == (
        "proa: load: invalid archive: does not contain a manifest.json (it is of a docker before "
        "1.10)\n")
    assert load(tar_of(("etc", directory()))) == (
        "proa: load: neither a docker archive (no manifest.json) nor an OCI layout (no "
        "index.json)\nhint: the tar of a root file system becomes an image with 'proa import'\n")
    assert box.fails(1, "import", "http://127.0.0.1/root.tar") == (
        "proa: import: importing from a URL is not supported\nhint: fetch it on the way: "
        "curl -fL 'http://127.0.0.1/root.tar' | proa import -\n")


# Writing


def all_formats(user, work, *names):
    for fmt in ("docker-archive", "oci-archive", "oci-dir", "docker-dir"):
        user.ok("save", "--format", fmt, "-o", f"{work}/{fmt}", *names)
    readable(work)


def test_round_trip(box, work, source, umoci_tree):
    box.ok("load", "-q", "-i", f"{source}.tar")
    all_formats(box, work, "box:1")
    before = {fmt: contents(f"{work}/{fmt}") for fmt in os.listdir(work)}
    for fmt in before:
        assert facts(f"{work}/{fmt}")[0] == ID
        clear(box)
        said = box.ok("load", "-i", f"{work}/{fmt}")
        name = "localhost/docker-dir:latest" if fmt == "docker-dir" else "box:1"
        assert said == f"Loaded image: {name}\n"
        assert loaded_id(box) == ID
        again = f"{work}/again"
        box.ok("save", "--format", fmt, "-o", again, name)
        assert contents(again) == before[fmt]
        shutil.rmtree(again) if os.path.isdir(again) else os.unlink(again)
    same_tree(box, image_tree(box, ID, work), dict(umoci_tree))


@needs["skopeo"]
@needs["umoci"]
def test_skopeo_and_umoci_read_it(box, work, source, umoci_tree):
    box.ok("load", "-q", "-i", source)
    box.ok("tag", "localhost/latest", "box:1")
    box.ok("rmi", "localhost/latest")
    all_formats(box, work, "box:1")
    want = dict(umoci_tree)
    refs = {"docker-archive": ":box:1", "oci-archive": ":docker.io/library/box:1",
            "oci-dir": ":docker.io/library/box:1", "docker-dir": ""}
    for fmt, ref in refs.items():
        transport = {"oci-dir": "oci", "docker-dir": "dir"}.get(fmt, fmt)
        raw = run("skopeo", "inspect", "--config", "--raw", f"{transport}:{work}/{fmt}{ref}")
        assert images.digest(raw.encode()) == ID
        run("skopeo", "copy", "-q", f"{transport}:{work}/{fmt}{ref}", f"oci:{work}/copy:x")
        got = unpacked_by_umoci(f"{work}/copy:x", f"{work}/bundle")
        assert "\n".join(tree.difference(got, want)) == ""
        shutil.rmtree(f"{work}/copy")
    # An OCI layout is one for umoci too, and the archive of docker 25 is an OCI archive as well.
    assert tree.difference(unpacked_by_umoci(f"{work}/oci-dir:docker.io/library/box:1",
                                             f"{work}/bundle"), want) == []
    raw = run("skopeo", "inspect", "--raw", f"oci-archive:{work}/docker-archive:1")
    assert images.digest(raw.encode()) == manifest_of(source)


@root_only
@needs["podman"]
def test_podman_and_buildah_read_it(box, work, source, podman):
    box.ok("load", "-q", "-i", f"{source}.tar")
    box.ok("tag", "box:1", "quay.io/a/box:two")
    box.ok("save", "-m", "-o", f"{work}/multi.tar", "box:1", "quay.io/a/box:two")
    all_formats(box, work, "box:1")
    podman("rmi", "-f", "-a")
    said = podman("load", "-q", "-i", f"{work}/multi.tar")
    assert "docker.io/library/box:1" in said and "quay.io/a/box:two" in said
    assert podman("images", "-q", "--no-trunc").split() == [ID]
    podman("rmi", "-f", "-a")
    for fmt in ("docker-archive", "oci-archive"):
        assert "docker.io/library/box:1" in podman("load", "-q", "-i", f"{work}/{fmt}")
        assert podman("images", "-q", "--no-trunc").split() == [ID]
        podman("rmi", "-f", "-a")
    for fmt in ("oci-dir", "docker-dir"):
        podman("load", "-q", "-i", f"{work}/{fmt}")
        assert podman("images", "-a", "-q", "--no-trunc").split() == [ID]
        podman("rmi", "-f", "-a")
    if shutil.which("buildah"):
        podman("pull", "-q", f"oci-archive:{work}/oci-archive:docker.io/library/box:1",
               tool="buildah")
        assert podman("images", "-q", "--no-trunc").split() == [ID]
        podman("rmi", "-f", "-a")
    # As the other tests want it.
    podman("pull", "-q", f"docker-archive:{source}.tar")
    podman("tag", ID[7:], "docker.io/library/box:1")
    podman("tag", ID[7:], "docker.io/library/box:two")


@pytest.fixture
def docker(scratch):
    """docker with a daemon of its own."""
    env = docker_programs.environment()
    place = os.path.join(scratch, "docker")
    os.makedirs(place)
    socket = f"unix://{place}/sock"
    with open(f"{place}/log", "wb") as log:
        daemon = subprocess.Popen(
            ["dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false",
             "--data-root", f"{place}/data", "--exec-root", f"{place}/exec",
             "--pidfile", f"{place}/pid", "--storage-driver", "vfs", "-H", socket],
            stdout=log, stderr=log, env=env)
    try:
        for _ in range(600):
            if subprocess.run(["docker", "-H", socket, "version"], capture_output=True,
                              check=False, env=env).returncode == 0:
                break
            assert daemon.poll() is None, open(f"{place}/log", encoding="utf-8").read()
            time.sleep(0.1)
        yield lambda *args: run("docker", "-H", socket, *args, env=env)
    finally:
        daemon.terminate()
        daemon.wait(60)


@root_only
def test_docker_itself(box, work, source, docker):
    """What we write it loads, what it saves and exports we read, and the ids are the same."""
    box.ok("load", "-q", "-i", f"{source}.tar")
    box.ok("save", "-o", f"{work}/plain.tar", "box:1")
    box.ok("save", "--compress", "-o", f"{work}/packed.tar", "box:1")
    for path in ("plain.tar", "packed.tar"):
        assert docker("load", "-i", f"{work}/{path}") == "Loaded image: box:1\n"
        assert docker("images", "-q", "--no-trunc").split() == [ID]
    docker("tag", "box:1", "box:two")
    docker("save", "-o", f"{work}/docker.tar", "box:1", "box:two")
    clear(box)
    assert box.ok("load", "-i", f"{work}/docker.tar") == (
        "Loaded image: box:1\nLoaded image: box:two\n")
    assert loaded_id(box) == ID
    docker("create", "--name", "made", "box:1")
    docker("export", "-o", f"{work}/docker-fs.tar", "made")
    box.ok("create", "--name", "box", "box:1")
    ours = tar_names(export(box, "box", work))
    made = {".dockerenv", "etc/mtab", "etc/hosts", "etc/hostname", "etc/resolv.conf"}
    assert [name for name in tar_names(f"{work}/docker-fs.tar") if name not in made
            and name.split("/")[0] not in ("dev", "proc", "sys")] == ours


@one_user
def test_several_images_share_layers(box, work):
    other = images.docker_archive(f"{work}/b.tar", ["other:1"], layers=LAYERS[:2])
    mine = images.docker_archive(f"{work}/a.tar", ["box:1", "box:2"], layers=LAYERS)
    for path in (mine, other):
        box.ok("load", "-q", "-i", path)
    box.ok("save", "-o", f"{work}/both.tar", "box", "other:1")
    with tarfile.open(f"{work}/both.tar") as tar:
        members = tar.getmembers()
    names = [m.name for m in members]
    assert names == sorted(names) and len(set(names)) == len(names)
    assert {(m.mtime, m.uid, m.gid, m.uname, m.mode) for m in members} == {
        (0, 0, 0, "", 0o644), (0, 0, 0, "", 0o755)}
    assert sum(m.size >= os.path.getsize(images.BUSYBOX) for m in members) == 1
    files = contents(f"{work}/both.tar")
    doc = json.loads(files["manifest.json"])
    assert [sorted(e["RepoTags"]) for e in doc] == [
        ["docker.io/library/box:1", "docker.io/library/box:2"], ["docker.io/library/other:1"]]
    top = [images.digest(LAYERS[2])[7:], images.digest(LAYERS[1])[7:]]
    assert json.loads(files["repositories"]) == {
        "box": {"1": top[0], "2": top[0]}, "other": {"1": top[1]}}
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    assert [m["annotations"] for m in json.loads(files["index.json"])["manifests"]] == [
        {"io.containerd.image.name": f"docker.io/library/{n}",
         "org.opencontainers.image.ref.name": n.split(":")[1]} for n in ("box:1", "box:2", "other:1")]
    for name, data in files.items():
        if name.startswith("blobs/"):
            assert hashlib.sha256(data).hexdigest() == name[13:]
    clear(box)
    assert box.ok("load", "-i", f"{work}/both.tar") == (
        "Loaded image: box:1\nLoaded image: box:2\nLoaded image: other:1\n")


@one_user
def test_of_a_list_the_image_is_saved(box, work, source):
    box.ok("load", "-q", "-i", f"{source}.tar")
    box.ok("manifest", "create", "list:1")
    box.ok("manifest", "add", "list:1", "box:1")
    box.ok("save", "-o", f"{work}/a.tar", "list:1")
    assert facts(f"{work}/a.tar")[0] == ID
    assert "manifest list list:1: no image for platform linux/s390x" in box.fails(
        1, "save", "--platform", "linux/s390x", "-o", f"{work}/b.tar", "list:1")
    blobs = os.path.join(box.store, "blobs/sha256")
    os.unlink(os.path.join(blobs, images.digest(LAYERS[1])[7:]))
    assert box.fails(1, "save", "-o", f"{work}/b.tar", "box:1") == (
        f"proa: save: blob {images.digest(LAYERS[1])} is not in the store\n"
        "hint: pull or load the image again\n")
    assert os.listdir(work) == ["a.tar"]


@one_user
def test_by_id_it_has_no_name(box, work, source):
    box.ok("load", "-q", "-i", f"{source}.tar")
    box.ok("save", "-o", f"{work}/a.tar", ID[7:19])
    assert json.loads(contents(f"{work}/a.tar")["manifest.json"])[0]["RepoTags"] is None
    assert "repositories" not in contents(f"{work}/a.tar")
    clear(box)
    assert box.ok("load", "-i", f"{work}/a.tar") == f"Loaded image ID: {ID}\n"


@one_user
def test_save_to_standard_output(box, work, source):
    box.ok("load", "-q", "-i", f"{source}.tar")
    box.ok("save", "-o", f"{work}/a.tar", "box:1")
    for args in ([], ["-o", "-"], ["-o", "/dev/stdout"]):
        done = box.exec(box.command("save", *args, "box:1"), text=False)
        assert done.returncode == 0 and done.stderr == b""
        with open(f"{work}/a.tar", "rb") as f:
            assert f.read() == done.stdout
    with open(f"{work}/redirected", "wb") as f:
        box.exec(box.command("save", "-o", "/dev/stdout", "box:1"), stdout=f)
    assert os.path.getsize(f"{work}/redirected") == os.path.getsize(f"{work}/a.tar")
    for command in (["save", "box:1"], ["export", "nobody"]):
        t = Terminal(box, box.command(*command))
        t.expect("proa: .*: cowardly refusing to save to a terminal. "
                 "Use the -o flag or redirect")
        assert t.process.wait(20) == 1
    with subprocess.Popen(["head", "-c", "1"], stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as head:
        done = box.proa("save", "box:1", stdout=head.stdin)
        head.stdin.close()
    assert done.returncode != 0


@one_user
def test_save_refuses(box, work, source):
    box.ok("load", "-q", "-i", f"{source}.tar")
    box.ok("tag", "box:1", "other:1")
    for args, status, message in (
            (["-o", f"{work}/none/a.tar", "box:1"], 1,
             f"invalid output path: directory \"{work}/none/\" does not exist"),
            (["-o", work, "box:1"], 1, f"invalid output path: \"{work}\" is a directory"),
            (["-o", f"{work}/a.tar", "nobody"], 1, "No such image: nobody:latest"),
            (["-o", f"{work}/a.tar", "box:1", "nobody:3"], 1, "No such image: nobody:3"),
            (["--format", "oci-dir", "box:1"], 1, "--format oci-dir needs --output"),
            (["--format", "oci-dir", "-o", work, "box:1"], 1,
             f"directory {work} exists and is not empty"),
    ):
        open(f"{work}/keep", "wb").close()
        assert box.fails(status, "save", *args) == f"proa: save: {message}\n"
        assert os.listdir(work) == ["keep"]


@one_user
def test_damage_is_not_passed_on(box, work, source):
    """And what had the name stays."""
    box.ok("load", "-q", "-i", f"{source}.tar")
    layer = os.path.join(box.store, "blobs/sha256", images.digest(LAYERS[0])[7:])
    with open(layer, "r+b") as f:
        f.seek(5000)
        f.write(b"flip")
    with open(f"{work}/a.tar", "wb") as f:
        f.write(b"before")
    for fmt in ("docker-archive", "docker-dir"):
        out = f"{work}/a.tar" if fmt == "docker-archive" else f"{work}/dir"
        assert box.fails(1, "save", "--format", fmt, "-o", out, "box:1") == (
            f"proa: save: blob {images.digest(LAYERS[0])}: its content in the store is damaged\n")
        assert os.listdir(work) == ["a.tar"]
    with open(f"{work}/a.tar", "rb") as f:
        assert f.read() == b"before"


@one_user
def test_interrupted_directory_leaves_nothing(box, work):
    big = tar_of(("big", {"data": os.urandom(1 << 20) * 192}))
    box.ok("load", "-q", "-i", images.docker_archive(f"{work}/b.tar", ["big:1"], layers=[big]))
    os.unlink(f"{work}/b.tar")
    for number in (signal.SIGINT, signal.SIGTERM):
        p = box.popen(box.command("save", "--format", "oci-dir", "-o", f"{work}/out", "big:1"))
        while not os.listdir(work) and p.poll() is None:
            time.sleep(0.001)
        p.send_signal(number)
        assert p.wait(60) == -number
        assert os.listdir(work) == []


@one_user
def test_modes_follow_the_umask(box, work, source):
    box.ok("load", "-q", "-i", f"{source}.tar")
    box.ok("save", "-o", f"{work}/a.tar", "box:1", preexec_fn=lambda: os.umask(0o027))
    box.ok("save", "--format", "oci-dir", "-o", f"{work}/d", "box:1",
           preexec_fn=lambda: os.umask(0o027))
    assert os.stat(f"{work}/a.tar").st_mode & 0o777 == 0o640
    assert os.stat(f"{work}/d").st_mode & 0o777 == 0o750
    assert os.stat(f"{work}/d/blobs/sha256").st_mode & 0o777 == 0o750
    assert os.stat(f"{work}/d/index.json").st_mode & 0o777 == 0o640


@one_user
def test_compress(box, work, source):
    box.ok("load", "-q", "-i", f"{source}.tar")
    for fmt in ("docker-dir", "oci-archive"):
        box.ok("save", "--compress", "--format", fmt, "-o", f"{work}/{fmt}", "box:1")
        box.ok("save", "--compress", "--format", fmt, "-o", f"{work}/again", "box:1")
        assert contents(f"{work}/{fmt}") == contents(f"{work}/again")
        run("rm", "-r", f"{work}/again")
    files = contents(f"{work}/docker-dir")
    doc = json.loads(files["manifest.json"])
    assert doc["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    for layer, plain in zip(doc["layers"], LAYERS):
        assert layer["mediaType"] == "application/vnd.docker.image.rootfs.diff.tar.gzip"
        assert gzip.decompress(files[layer["digest"][7:]]) == plain
    assert files["version"] == b"Directory Transport Version: 1.1\n"
    clear(box)
    box.ok("load", "-q", "-i", f"{work}/docker-dir")
    assert loaded_id(box) == ID


# Containers


def test_export_of_a_container(box, work, source):
    """Changes of a container, true owners, no volumes; running and stopped alike."""
    box.ok("load", "-q", "-i", f"{source}.tar")
    os.makedirs(f"{work}/volume")
    with open(f"{work}/volume/secret", "wb") as f:
        f.write(b"outside")
    os.chown(f"{work}/volume", box.uid, box.gid)
    script = ("cd /srv; echo more >> plain; rm user; chmod 750 su; mkdir made; echo x > made/y; "
              "ln made/y made/z; rm -r /old; mkdir /old; echo n > /old/n; mv kept moved 2>/dev/null; "
              "ln -s nowhere made/l; touch /ready; trap exit TERM; sleep 60 & wait")
    p = box.popen(box.command("run", "--name", "box", "-u", "root", "-v", f"{work}/volume:/volume",
                              "box:1", "sh", "-c", script))
    try:
        while box.proa("export", "-o", f"{work}/export.tar", "box").returncode or (
                "ready" not in tar_names(f"{work}/export.tar")):
            assert p.poll() is None
            time.sleep(0.05)
        running = export(box, "box", work)
        shutil.copy(running, f"{work}/running.tar")
    finally:
        box.ok("rm", "-f", "box") if p.poll() is not None else p.terminate()
        p.wait(60)
    stopped = export(box, "box", work)
    with open(f"{work}/running.tar", "rb") as one, open(stopped, "rb") as two:
        assert one.read() == two.read()
    with tarfile.open(stopped) as tar:
        m = {x.name: x for x in tar}
        assert tar.extractfile("srv/plain").read() == b"data\nmore\n"
        assert tar.extractfile("old/n").read() == b"n\n"
    assert "srv/user" not in m and "old/new" not in m and "gone" not in m
    assert "volume" in m and "volume/secret" not in m
    assert not any(".wh." in name for name in m)
    assert (m["srv/data"].uid, m["srv/data"].gid, m["srv/data"].mode) == (33, 34, 0o640)
    assert m["srv/hard"].linkname == "srv/data"
    assert (m["srv/plain"].uid, m["srv/plain"].gid) == (33, 34)  # changed, and still theirs
    assert (m["srv/su"].uid, m["srv/su"].gid, m["srv/su"].mode) == (33, 34, 0o750)
    assert (m["srv"].uid, m["srv"].gid) == (33, 34)
    assert (m["closed/in"].uid, m["closed/in"].mode) == (33, 0o600)
    assert (m["home/alice"].uid, m["home/alice"].gid) == (1000, 1000)
    assert (m["srv/made/y"].uid, m["srv/made/y"].gid) == (0, 0)
    assert m["srv/made/z"].islnk() and m["srv/made/z"].linkname == "srv/made/y"
    assert m["srv/made/l"].linkname == "nowhere"
    assert m["srv/pipe"].isfifo() and m["srv/pipe"].uid == 7
    assert (m["srv/link"].issym(), m["srv/link"].uid) == (True, 9)
    assert m["srv/capable"].pax_headers == {"SCHILY.xattr.security.capability": CAPABILITY}
    assert m[LONG].size == 4
    if box.kind != "sub":
        assert m["srv/null"].ischr() and (m["srv/null"].devmajor, m["srv/null"].devminor) == (1, 3)


def tar_names(path):
    with tarfile.open(path) as tar:
        return tar.getnames()


def test_export_is_imported_as_the_same(box, work, source, umoci_tree):
    box.ok("load", "-q", "-i", f"{source}.tar")
    box.ok("create", "--name", "box", "box:1")
    path = export(box, "box", work)
    box.ok("import", "-c", "CMD sh", path, "flat:1")
    box.ok("rm", "box")
    same_tree(box, image_tree(box, "flat:1", work), dict(umoci_tree))


@one_user
def test_export_refuses(box, work, source):
    assert box.fails(1, "export", "-o", f"{work}/a.tar", "nobody") == (
        "proa: export: No such container: nobody\n")
    assert os.listdir(work) == []
    box.ok("load", "-q", "-i", f"{source}.tar")
    box.ok("create", "--name", "box", "box:1")
    assert box.fails(1, "container", "export", "-o", f"{work}/no/a.tar", "box") == (
        f"proa: container export: invalid output path: directory \"{work}/no/\" does not exist\n")


def test_export_of_a_directory(box, work, busybox_rootfs):
    """run --rootfs: the tree itself, as far as the user may read it."""
    box.ok("create", "--name", "box", "--rootfs", busybox_rootfs, "sh")
    if box.kind != "root":  # /root is closed and belongs to the host's root
        assert box.fails(1, "export", "-o", f"{work}/export.tar", "box") == (
            "proa: export: open directory root: Permission denied\n")
        assert os.listdir(work) == []
        return
    names = tar_names(export(box, "box", work))
    assert "bin/busybox" in names and "etc/passwd" in names
    assert names == sorted(names, key=lambda n: n.split("/"))


@root_only
def test_other_programs_read_it_alike(box, work):
    """Names, ids, times and attributes that need more than a plain header."""
    odd = tar_of(
        ("d", directory()),
        ("d/" + "n" * 200, {"data": b"1"}),
        ("d/" + "p" * 90 + "/" + "q" * 99, {"data": b"2"}),
        ("d/big", {"data": b"3", "uid": 3000000, "gid": 2097152}),
        ("d/old", {"data": b"4", "mtime": -86400}),
        ("d/late", {"data": b"5", "mtime": 8589934592}),
        ("d/long", link(tarfile.SYMTYPE, "t" * 150)),
        ("d/attr", {"data": b"6", "pax_headers": {"SCHILY.xattr.user.k": "v\nw"}}),
    )
    box.ok("load", "-q", "-i", images.docker_archive(f"{work}/a.tar", ["odd:1"], layers=[odd]))
    box.ok("create", "--name", "box", "odd:1")
    path = export(box, "box", work)
    with tarfile.open(path) as tar:
        m = {x.name: x for x in tar}
    assert (m["d/big"].uid, m["d/big"].gid) == (3000000, 2097152)
    assert m["d/old"].mtime == -86400 and m["d/late"].mtime == 8589934592
    assert m["d/attr"].pax_headers["SCHILY.xattr.user.k"] == "v\nw"
    assert "path" not in m["d/" + "p" * 90 + "/" + "q" * 99].pax_headers
    want = sorted(x + "/" * m[x].isdir() for x in m)
    assert sorted(run("tar", "-tf", path).splitlines()) == want
    gnu = extracted(path, work)
    if shutil.which("bsdtar"):
        assert sorted(run("bsdtar", "-tf", path).splitlines()) == want
        os.makedirs(f"{work}/bsd")
        run("bsdtar", "--numeric-owner", "-xpf", path, "-C", f"{work}/bsd")
        bsd = tree.listing(f"{work}/bsd")
        for one in (gnu, bsd):
            one.pop(".")
        assert tree.difference(bsd, gnu) == []


def test_two_exports_are_equal(box, work, source):
    box.ok("load", "-q", "-i", f"{source}.tar")
    box.ok("create", "--name", "box", "box:1")
    with open(export(box, "box", work), "rb") as f:
        first = f.read()
    done = box.exec(box.command("export", "box"), text=False)
    assert done.returncode == 0 and done.stdout == first
