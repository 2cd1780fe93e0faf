"""Images made in memory, for registries that are made in a test.

    image = Image([Layer({"hello": b"world\n"})])
    image.manifest, image.blobs           exact bytes
"""

import gzip
import hashlib
import io
import json
import subprocess
import tarfile

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar(files):
    """A tar, the same bytes each time, of {name: bytes, or None for a directory}.

    A pair (content, {attribute of TarInfo: value}) sets owners and modes.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            content, attributes = content if isinstance(content, tuple) else (content, {})
            info = tarfile.TarInfo(name)
            info.mtime = 1700000000
            info.mode = 0o755 if content is None else 0o644
            if content is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(content)
            for key, value in attributes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content or b""))
    return out.getvalue()


class Layer:
    """`data` is the tar, `blob` what a registry keeps of it."""

    def __init__(self, files, compression="gzip"):
        self.data = files if isinstance(files, bytes) else tar(files)
        self.compression = compression
        if compression == "gzip":
            self.blob = gzip.compress(self.data, 6, mtime=0)
        elif compression == "zstd":
            self.blob = subprocess.run(
                ["zstd", "-q", "-c"], input=self.data, capture_output=True, check=True).stdout
        else:
            self.blob = self.data
        self.diff_id = digest(self.data)
        self.digest = digest(self.blob)

    def media_type(self, docker):
        suffix = {"gzip": "gzip", "zstd": "zstd"}.get(self.compression, "")
        if docker:
            return DOCKER_LAYER + ("." + suffix if suffix else "")
        return OCI_LAYER + ("+" + suffix if suffix else "")


class Image:
    def __init__(self, layers, docker=False, architecture="amd64", config=None):
        self.layers = layers
        self.config = json.dumps({
            "architecture": architecture,
            "os": "linux",
            "config": config or {"Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }).encode()
        self.id = digest(self.config)
        self.media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
        self.document = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": {
                "mediaType": DOCKER_CONFIG if docker else OCI_CONFIG,
                "digest": self.id,
                "size": len(self.config),
            },
            "layers": [{
                "mediaType": layer.media_type(docker),
                "digest": layer.digest,
                "size": len(layer.blob),
            } for layer in layers],
        }
        self.seal()

    def seal(self):
        """Bytes and digest of `document`, after a test has changed it."""
        self.manifest = json.dumps(self.document).encode()
        self.digest = digest(self.manifest)

    @property
    def blobs(self):
        all_blobs = {self.id: self.config}
        all_blobs.update({layer.digest: layer.blob for layer in self.layers})
        return all_blobs


class Index:
    """`children`: [(image, platform)], platform a dict or None."""

    def __init__(self, children, docker=False):
        self.images = [image for image, _ in children]
        self.media_type = DOCKER_LIST if docker else OCI_INDEX
        self.document = {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "manifests": [dict({
                "mediaType": image.media_type,
                "digest": image.digest,
                "size": len(image.manifest),
            }, **({"platform": platform} if platform else {})) for image, platform in children],
        }
        self.seal()

    def seal(self):
        self.manifest = json.dumps(self.document).encode()
        self.digest = digest(self.manifest)
