"""manifest: what a registry has, and lists that are made here and pushed."""

import base64
import json
import subprocess

import pytest

import docker as docker_programs
import registry_images as images

AMD64 = {"architecture": "amd64", "os": "linux"}
ARM64 = {"architecture": "arm64", "os": "linux"}


def make(name, architecture, docker=False):
    return images.Image([images.Layer({name: name.encode()})], docker=docker,
                        architecture=architecture)


@pytest.fixture(scope="module")
def two():
    """The same program for two platforms."""
    return make("a", "amd64"), make("b", "arm64")


@pytest.fixture(scope="module")
def stocked(plain_registry, two):
    """two:1-amd64 and two:1-arm64, both:1 an index of them, old:1 docker's own format."""
    for image, name in zip(two, ("1-amd64", "1-arm64")):
        plain_registry.push("two", name, image)
    plain_registry.push("both", "1", images.Index([(two[0], AMD64), (two[1], ARM64)]))
    plain_registry.push("old", "1", make("o", "amd64", docker=True))
    return plain_registry


def ok(proa, *args):
    p = proa.run(*args)
    assert (p.returncode, p.stderr) == (0, "")
    return p.stdout


def fails(proa, *args):
    p = proa.run(*args)
    assert (p.returncode, p.stdout) == (1, "")
    return p.stderr


def inspect(proa, *args):
    return json.loads(ok(proa, "manifest", "inspect", *args))


def skopeo_raw(name):
    return subprocess.run(
        ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{name}"],
        capture_output=True, check=True).stdout


def docker_major(env):
    text = subprocess.run(["docker", "--version"], check=True, capture_output=True, text=True,
                          env=env).stdout
    return int(text.split("version ")[1].split(".")[0])


def docker_inspect(home, *args):
    path = docker_programs.environment()["PATH"].split(":")
    # Debian's own last: a newer one knows more.
    env = {"PATH": ":".join(path[2:] + path[:2]), "HOME": str(home)}
    if "/old:" not in args[-1] and docker_major(env) < 23:
        pytest.skip("docker before 23 cannot inspect OCI manifests")
    done = subprocess.run(["docker", "manifest", "inspect", "--insecure", *args], check=False,
                          capture_output=True, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# What a registry has


@pytest.mark.parametrize("name", ["two:1-amd64", "both:1", "old:1"])
def test_inspect_is_what_is_served(proa, stocked, name):
    full = f"{stocked.host}/{name}"
    assert inspect(proa, full) == json.loads(skopeo_raw(full))
    assert proa.references() == []


def test_inspect_by_digest(proa, stocked, two):
    assert inspect(proa, f"{stocked.host}/two@{two[1].digest}") == two[1].document


@pytest.mark.parametrize("name", ["two:1-amd64", "both:1", "old:1"])
def test_inspect_as_docker_does(proa, stocked, tmp_path, name):
    full = f"{stocked.host}/{name}"
    theirs = docker_inspect(tmp_path, full)
    assert inspect(proa, full) == theirs
    theirs = docker_inspect(tmp_path, "--verbose", full)
    assert inspect(proa, "--verbose", full) == theirs


def test_inspect_verbose(proa, stocked, two):
    full = f"{stocked.host}/both:1"
    first, second = inspect(proa, "-v", full)
    assert first["Ref"] == f"{stocked.host}/both:1@{two[0].digest}"
    assert second["Descriptor"]["platform"] == ARM64
    assert base64.b64decode(second["Raw"]) == two[1].manifest
    assert second["OCIManifest"] == two[1].document
    single = inspect(proa, "--verbose", f"{stocked.host}/two:1-arm64")
    assert single["Ref"] == f"{stocked.host}/two:1-arm64"
    assert single["Descriptor"] == {
        "mediaType": images.OCI_MANIFEST, "digest": two[1].digest,
        "size": len(two[1].manifest), "platform": ARM64}


def test_inspect_by_template(proa, stocked):
    out = ok(proa, "manifest", "inspect", "--format",
             "{{range .manifests}}{{.platform.architecture}} {{end}}", f"{stocked.host}/both:1")
    assert out == "amd64 arm64 \n"
    line = ok(proa, "manifest", "inspect", "--json", f"{stocked.host}/both:1")
    assert line.count("\n") == 1


def test_inspect_of_what_is_not_there(proa, stocked):
    name = f"{stocked.host}/absent:1"
    assert fails(proa, "manifest", "inspect", name) == (
        f"proa: manifest inspect: {name}: {stocked.host} answered 404: MANIFEST_UNKNOWN: "
        "manifest unknown\n")


# Lists of one's own


def test_a_list_of_remote_images(proa, stocked, two, tmp_path):
    """docker's way: both images are in the registry, the list is made and pushed."""
    name = f"{stocked.host}/two:made"
    assert ok(proa, "manifest", "create", name, f"{stocked.host}/two:1-amd64",
              f"{stocked.host}/two:1-arm64") == f"Created manifest list {name}\n"
    doc = inspect(proa, name)
    assert doc["mediaType"] == images.OCI_INDEX
    assert doc["manifests"] == [
        {"mediaType": images.OCI_MANIFEST, "digest": image.digest, "size": len(image.manifest),
         "platform": platform} for image, platform in zip(two, (AMD64, ARM64))]
    # Manifests and configs, no layers.
    wanted = {image.digest for image in two} | {image.id for image in two}
    assert wanted < {"sha256:" + b for b in proa.blobs()}
    assert len(proa.blobs()) == 5
    p = proa.run("manifest", "push", "--digestfile", str(tmp_path / "digest"), name)
    assert p.returncode == 0, p.stderr
    raw = skopeo_raw(name)
    assert json.loads(raw) == doc
    assert p.stdout == images.digest(raw) + "\n"
    assert (tmp_path / "digest").read_text() == images.digest(raw)
    # A pull takes the image for this platform.
    p = proa.pull("--platform", "linux/arm64", name)
    assert p.returncode == 0, p.stderr
    assert f"Digest: {images.digest(raw)}\n" in p.stdout


def test_a_list_of_local_images(proa, stocked, plain_registry):
    """podman's way: the images are here and go with the list."""
    for arch, tag in (("amd64", "1-amd64"), ("arm64", "1-arm64")):
        assert proa.pull("--platform", arch, f"{stocked.host}/two:{tag}").returncode == 0
    ok(proa, "manifest", "create", "mine:1")
    assert inspect(proa, "mine:1")["manifests"] == []
    for tag in ("1-amd64", "1-arm64"):
        out = ok(proa, "manifest", "add", "mine:1", f"{stocked.host}/two:{tag}")
        assert out.startswith("sha256:")
    name = f"{plain_registry.host}/elsewhere/mine:2"
    p = proa.run("manifest", "push", "mine:1", f"docker://{name}")
    assert p.returncode == 0, p.stderr
    assert json.loads(skopeo_raw(name)) == inspect(proa, "mine:1")
    subprocess.run(["skopeo", "copy", "-q", "--all", "--src-tls-verify=false", f"docker://{name}",
                    f"dir:{proa.home}/copy"], check=True)


def test_what_is_nowhere_cannot_be_pushed(proa, stocked, two):
    ok(proa, "manifest", "create", "gap:1", f"{stocked.host}/two:1-arm64")
    message = fails(proa, "manifest", "push", "-q", "gap:1", f"{stocked.host}/gap:1")
    assert message.startswith(f"proa: manifest push: {stocked.host}/gap:1: layer ")
    assert f"is neither in the store nor at {stocked.host}" in message
    assert subprocess.run(["skopeo", "inspect", "--raw", "--tls-verify=false",
                           f"docker://{stocked.host}/gap:1"], capture_output=True,
                          check=False).returncode != 0


def test_docker_images_make_a_docker_list(proa, stocked):
    ok(proa, "manifest", "create", "old:list", f"{stocked.host}/old:1")
    doc = inspect(proa, "old:list")
    assert doc["mediaType"] == images.DOCKER_LIST
    ok(proa, "manifest", "annotate", "--annotation", "a=b", "old:list", f"{stocked.host}/old:1")
    doc = inspect(proa, "old:list")
    assert doc["mediaType"] == images.OCI_INDEX
    assert doc["manifests"][0]["annotations"] == {"a": "b"}


def test_annotate(proa, stocked, two):
    arm = f"{stocked.host}/two:1-arm64"
    ok(proa, "manifest", "create", "x:1", f"{stocked.host}/two:1-amd64", arm)
    assert ok(proa, "manifest", "annotate", "--variant", "v8", "--os-version", "1.2",
              "--os-features", "f1", "--os-features", "f2", "--features", "sse", "x:1", arm) == ""
    first, second = inspect(proa, "x:1")["manifests"]
    assert first["platform"] == AMD64
    assert second["platform"] == {**ARM64, "variant": "v8", "os.version": "1.2",
                                  "os.features": ["f1", "f2"], "features": ["sse"]}
    ok(proa, "manifest", "annotate", "--variant", "", "--arch", "riscv64", "x:1", two[1].digest)
    assert inspect(proa, "x:1")["manifests"][1]["platform"]["architecture"] == "riscv64"
    assert "variant" not in inspect(proa, "x:1")["manifests"][1]["platform"]
    assert fails(proa, "manifest", "annotate", "--annotation", "nothing", "x:1", arm) == (
        "proa: manifest annotate: invalid annotation 'nothing': KEY=VALUE is wanted\n")
    other = "sha256:" + "0" * 64
    assert fails(proa, "manifest", "annotate", "x:1", other) == (
        f"proa: manifest annotate: the list has no manifest {other}\n")


def test_add_replaces_an_entry(proa, stocked):
    arm = f"{stocked.host}/two:1-arm64"
    ok(proa, "manifest", "create", "x:1", arm, f"{stocked.host}/two:1-amd64")
    ok(proa, "manifest", "add", "--variant", "v9", "--annotation", "a=b=c", "x:1", arm)
    first, second = inspect(proa, "x:1")["manifests"]
    assert first["platform"]["variant"] == "v9"
    assert first["annotations"] == {"a": "b=c"}
    assert second["platform"] == AMD64


def test_a_list_inside(proa, stocked, two):
    """Of a list the image for this host, with --all every image."""
    both = f"{stocked.host}/both:1"
    ok(proa, "manifest", "create", "one:1", both)
    assert [m["digest"] for m in inspect(proa, "one:1")["manifests"]] == [two[0].digest]
    ok(proa, "manifest", "create", "--all", "all:1", both)
    assert [m["digest"] for m in inspect(proa, "all:1")["manifests"]] == [
        two[0].digest, two[1].digest]
    # And of one that is here.
    ok(proa, "manifest", "create", "--all", "again:1", "all:1")
    assert inspect(proa, "again:1") == inspect(proa, "all:1")


def test_remove_an_entry(proa, stocked, two):
    ok(proa, "manifest", "create", "--all", "x:1", f"{stocked.host}/both:1")
    digest = ok(proa, "manifest", "remove", "x:1", two[0].digest)
    assert [m["digest"] for m in inspect(proa, "x:1")["manifests"]] == [two[1].digest]
    assert digest.startswith("sha256:")
    assert fails(proa, "manifest", "remove", "x:1", two[0].digest) == (
        f"proa: manifest remove: {two[0].digest} is not in the list\n")


def test_create_again(proa, stocked):
    ok(proa, "manifest", "create", "x:1", f"{stocked.host}/two:1-amd64")
    assert fails(proa, "manifest", "create", "x:1", f"{stocked.host}/two:1-arm64") == (
        "proa: manifest create: refusing to amend the existing manifest list x:1 without --amend\n")
    ok(proa, "manifest", "create", "--amend", "x:1", f"{stocked.host}/two:1-arm64")
    assert len(inspect(proa, "x:1")["manifests"]) == 2
    assert proa.pull(f"{stocked.host}/two:1-amd64").returncode == 0
    name = f"{stocked.host}/two:1-amd64"
    assert fails(proa, "manifest", "create", name, name) == (
        f"proa: manifest create: {name} is the name of an image here\n")


def test_exists_and_rm(proa, stocked):
    ok(proa, "manifest", "create", "x:1", f"{stocked.host}/two:1-amd64")
    assert proa.run("manifest", "exists", "x:1").returncode == 0
    p = proa.run("manifest", "exists", "y:1")
    assert (p.returncode, p.stdout, p.stderr) == (1, "", "")
    assert ok(proa, "manifest", "rm", "x:1").startswith("Untagged: x:1\nDeleted: sha256:")
    assert proa.blobs() == [] and proa.references() == []
    p = proa.run("manifest", "rm", "x:1", "y:1")
    assert (p.returncode, p.stdout, p.stderr) == (
        1, "", "proa: manifest rm: No such manifest list: x:1\n"
        "proa: manifest rm: No such manifest list: y:1\n")


def test_an_image_is_no_list(proa, stocked):
    name = f"{stocked.host}/two:1-amd64"
    assert proa.pull(name).returncode == 0
    assert proa.run("manifest", "exists", name).returncode == 1
    assert fails(proa, "manifest", "rm", name) == (
        f"proa: manifest rm: No such manifest list: {name}\n")
    assert fails(proa, "manifest", "add", name, name) == (
        f"proa: manifest add: No such manifest list: {name}\n")
    assert fails(proa, "manifest", "push", name) == (
        f"proa: manifest push: No such manifest list: {name}\n")


def test_a_list_among_images(proa, stocked, two):
    """It has a row, stands for the image of this host, and keeps its images from collection."""
    assert proa.pull(f"{stocked.host}/two:1-amd64").returncode == 0
    ok(proa, "manifest", "create", "x:1", f"{stocked.host}/two:1-amd64",
       f"{stocked.host}/two:1-arm64")
    assert "x:1" in ok(proa, "images", "--format", "{{.Repository}}:{{.Tag}}").split()
    doc = json.loads(ok(proa, "inspect", "x:1"))[0]
    assert (doc["Id"], doc["Architecture"]) == (two[0].id, "amd64")
    ok(proa, "rmi", f"{stocked.host}/two:1-amd64")
    wanted = set(two[0].blobs) | {two[0].digest, two[1].digest, two[1].id}
    assert wanted < {"sha256:" + b for b in proa.blobs()}
    out = ok(proa, "image", "tree", "x:1")
    assert out.startswith(f"Image ID: {two[0].id[7:19]}\nTags:     []\n")
    ok(proa, "rmi", "x:1")
    assert proa.blobs() == []


def test_old_versions_of_a_list_go(proa, stocked):
    ok(proa, "manifest", "create", "x:1")
    for tag in ("1-amd64", "1-arm64"):
        ok(proa, "manifest", "add", "x:1", f"{stocked.host}/two:{tag}")
    assert len(proa.references()) == 1


def test_changes_side_by_side(proa, stocked):
    """Each one reads the list and writes it anew: none may be lost."""
    ok(proa, "manifest", "create", "x:1", f"{stocked.host}/two:1-amd64")
    entry = inspect(proa, "x:1")["manifests"][0]["digest"]
    running = [proa.start("manifest", "annotate", "--annotation", f"k{i}=v", "x:1", entry)
               for i in range(12)]
    for p in running:
        _, stderr = p.communicate(timeout=60)
        assert (p.returncode, stderr) == (0, "")
    annotations = inspect(proa, "x:1")["manifests"][0]["annotations"]
    assert sorted(annotations) == sorted(f"k{i}" for i in range(12))


def test_inspect_one_entry_of_a_list(proa, stocked, two):
    ok(proa, "manifest", "create", "--all", "x:1", f"{stocked.host}/two:1-arm64")
    assert inspect(proa, "x:1", two[1].digest) == two[1].document
    other = "sha256:" + "0" * 64
    assert fails(proa, "manifest", "inspect", "x:1", other) == (
        f"proa: manifest inspect: x:1: x:1 has no manifest {other}\n")


def test_purge(proa, stocked):
    name = f"{stocked.host}/two:purged"
    ok(proa, "manifest", "create", name, f"{stocked.host}/two:1-amd64")
    p = proa.run("manifest", "push", "--purge", name)
    assert p.returncode == 0, p.stderr
    assert proa.references() == []
    assert inspect(proa, name)["manifests"][0]["platform"] == AMD64
