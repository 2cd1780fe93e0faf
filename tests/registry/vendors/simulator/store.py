"""Repositories in memory, with the rules of a registry about what may be put there."""

import hashlib
import itertools
import json
import threading


def digest_of(data, algorithm="sha256"):
    return f"{algorithm}:" + hashlib.new(algorithm, data).hexdigest()


class Upload:
    """`state` changes with each step where Locations are good for one use."""

    numbers = itertools.count(1)

    def __init__(self):
        self.name = f"upload-{next(self.numbers)}"
        self.data = b""
        self.state = 0
        self.chunks = 0


class Repository:
    def __init__(self):
        self.blobs = {}
        self.manifests = {}  # digest: (bytes, media type)
        self.tags = {}
        self.uploads = {}

    def manifest(self, reference):
        """(digest, bytes, media type) of a tag or digest, or None."""
        digest = self.tags.get(reference, reference)
        if digest not in self.manifests:
            return None
        return (digest, *self.manifests[digest])

    def missing(self, data):
        """Digests that a manifest names and this repository lacks."""
        document = json.loads(data)
        blobs = [d for d in [document.get("config"), *document.get("layers", [])] if d]
        lacking = [d["digest"] for d in blobs
                   if d["digest"] not in self.blobs and not d.get("urls")]
        return lacking + [d["digest"] for d in document.get("manifests", [])
                          if d["digest"] not in self.manifests]


class Store:
    def __init__(self):
        self.repositories = {}
        self.lock = threading.RLock()

    def get(self, name):
        return self.repositories.get(name)

    def make(self, name):
        with self.lock:
            return self.repositories.setdefault(name, Repository())

    def add(self, name, tag, image):
        """An Image or an Index of tests/lib/registry_images.py with all that is in it."""
        repository = self.make(name)
        for child in getattr(image, "images", [image]):
            repository.blobs.update(child.blobs)
            repository.manifests[child.digest] = (child.manifest, child.media_type)
        self.put_manifest(name, tag, image.manifest, image.media_type)

    def put_manifest(self, name, tag, data, media_type, digest=None):
        """`digest` other than that of the bytes makes the registry lie."""
        repository = self.make(name)
        digest = digest or digest_of(data)
        repository.manifests[digest] = (data, media_type)
        if tag:
            repository.tags[tag] = digest
        return digest
