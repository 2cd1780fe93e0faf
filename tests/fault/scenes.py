"""The commands that the fault tests are about, each on a store prepared for it."""

import json
import os
import shutil
import tarfile
import urllib.request

import registry_images
from harness import Scene


def ok(box, *args):
    done = box.run(*args)
    assert done.returncode == 0, f"{args}: {done.stderr}"


def _images_in(path):
    """Names and digests of an archive; [] when it cannot be read."""
    try:
        with tarfile.open(path) as tar:
            manifest = json.load(tar.extractfile("manifest.json"))
            members = set(tar.getnames())
    except (tarfile.TarError, KeyError, OSError, ValueError) as e:
        return [f"out: {e}"]
    missing = [name for entry in manifest for name in [entry["Config"], *entry["Layers"]]
               if name not in members]
    return [f"out: the archive lacks {name}" for name in missing]


def _forget_repository(context, name):
    """As if nothing had ever been pushed there."""
    shutil.rmtree(os.path.join(context.registry.directory, "data/docker/registry/v2/repositories",
                               name), ignore_errors=True)


def _missing_of(context, name):
    """What the registry cannot serve of NAME:1."""
    def get(what, **headers):
        request = urllib.request.Request(f"http://{context.registry.host}/v2/{name}/{what}",
                                         headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    try:
        manifest = json.loads(get("manifests/1", Accept=", ".join(
            (registry_images.OCI_MANIFEST, registry_images.DOCKER_MANIFEST))))
        for part in [manifest["config"], *manifest["layers"]]:
            if registry_images.digest(get(f"blobs/{part['digest']}")) != part["digest"]:
                return [f"pushed: {part['digest']} is damaged"]
    except (OSError, ValueError, KeyError) as e:
        return [f"pushed: {e}"]
    return []


def _cut_download(context):
    """A pull that was killed has left half of a layer."""
    layer = context.small.layers[2]

    def make(box):
        path = os.path.join(box.store, "ingest", layer.digest.split(":")[1])
        with open(path, "wb") as f:
            f.write(layer.blob[:len(layer.blob) // 2])
        os.chmod(path, 0o600)
    return make


def every_scene(context):
    """All scenes for the commands that this proa has, by name."""
    small = f"{context.registry.host}/fault/small:1"
    other = f"{context.registry.host}/fault/other:1"
    retry = ("--retry", "1", "--retry-delay", "1ms")

    def pulled(box):
        ok(box, "pull", "-q", small)

    def with_half(box):
        ok(box, "pull", "-q", other)
        _cut_download(context)(box)

    def loaded(box):
        ok(box, "load", "-q", "-i", context.archive)

    def two(box):
        loaded(box)
        ok(box, "pull", "-q", other)

    def untagged(box):
        loaded(box)
        ok(box, "tag", "small:1", "kept:1")
        ok(box, "pull", "-q", other)
        ok(box, "load", "-q", "-i", context.busybox)
        ok(box, "tag", "kept:1", "busybox:latest")  # what was called so has no name now

    def runnable(box):
        ok(box, "load", "-q", "-i", context.busybox)

    def export(box):
        path = os.path.join(box.path, "home", "root.tar")
        with open(path, "wb") as f:
            f.write(context.small.layers[0].data)
        os.utime(path, (1700000000, 1700000000))

    scenes = [
        Scene("pull", lambda box: ["pull", *retry, small]),
        Scene("pull-more", lambda box: ["pull", *retry, small], with_half),
        Scene("load", lambda box: ["load", "-i", context.archive]),
        Scene("tag", lambda box: ["tag", "small:1", "new:1"], loaded),
        Scene("tag-over", lambda box: ["tag", "small:1", other], two),
        Scene("rmi", lambda box: ["rmi", other], two, may_be_done=("No such image",)),
        Scene("import", lambda box: ["import", os.path.join(box.path, "home/root.tar"), "made:1"],
              extra=export, same_bytes=False),
        Scene("run", lambda box: ["run", "--rm", "--network", "none", "busybox", "true"],
              runnable, failure=125),
    ]
    if "image prune" in context.words:
        scenes.append(Scene("prune", lambda box: ["image", "prune", "-f"], untagged))
        scenes.append(Scene("prune-all", lambda box: ["image", "prune", "-a", "-f"], untagged))
    if "save" in context.words:
        scenes.append(Scene(
            "save", lambda box: ["save", "-o", os.path.join(box.path, "out/saved.tar"), "small:1"],
            loaded, output="saved.tar",
            after=lambda box: _images_in(os.path.join(box.path, "out/saved.tar"))))
    if "push" in context.words:
        target = f"{context.registry.host}/fault/pushed:1"

        def named(box):
            loaded(box)
            ok(box, "tag", "small:1", target)

        scenes.append(Scene(
            "push", lambda box: ["push", *retry, target], named, same_bytes=False, shares=True,
            extra=lambda box: _forget_repository(context, "fault/pushed"),
            after=lambda box: _missing_of(context, "fault/pushed")))
    return {scene.name: scene for scene in scenes}
