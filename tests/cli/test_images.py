"""load, import, images, inspect, tag, rmi: as root, with subordinate ids, and without."""
import gzip
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

import images


def second_layer():
    """A small layer on top of busybox's."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("etc/motd")
        info.size = 6
        tar.addfile(info, io.BytesIO(b"hello\n"))
    return out.getvalue()


LAYERS = [images.busybox_tar(), second_layer()]


def image_id(layers=None, **config):
    return images.digest(images.image_config(layers or LAYERS, **config))


# What does not depend on the map is tested as one of the three accounts.
one_user = pytest.mark.parametrize("user", ["sub"], indirect=True)


def clear(user):
    """Remove every image, if there is one."""
    place = os.path.join(user.store, "images")
    if os.path.isdir(place) and os.listdir(place):
        user.ok("rmi", "--all", "--force")


@pytest.fixture
def box(user):
    """The account with an empty store."""
    clear(user)
    yield user
    clear(user)
    assert user.leftovers() == []


@pytest.fixture
def work(box, tmp_path_factory, scratch):
    """A directory that the account can read and write."""
    path = os.path.join(scratch, f"work-{time.monotonic_ns()}")
    os.makedirs(path)
    os.chown(path, box.uid, box.gid)
    yield path
    shutil.rmtree(path)


def docker_tar(path, tags, layers=None, **config):
    return images.docker_archive(path, tags, layers=layers or LAYERS, **config)


def rows(user, *args):
    return [json.loads(line) for line in user.ok("images", "--json", *args).splitlines()]


def names(user, *args):
    return sorted(f"{r['Repository']}:{r['Tag']}" for r in rows(user, *args))


def inspect(user, name):
    return json.loads(user.ok("inspect", "--type", "image", name))[0]


def store_list(user, directory):
    return sorted(os.listdir(os.path.join(user.store, directory)))


# Loading


def test_docker_archive(box, work):
    path = docker_tar(f"{work}/a.tar", ["box:1", "registry.lan:5000/team/box:2"], User="alice")
    assert box.ok("load", "-i", path) == (
        "Loaded image: box:1\nLoaded image: registry.lan:5000/team/box:2\n")
    doc = inspect(box, "box:1")
    assert doc["Id"] == image_id(User="alice")
    assert doc["RepoTags"] == ["box:1", "registry.lan:5000/team/box:2"]
    assert doc["RepoDigests"] == []
    assert doc["Config"]["User"] == "alice"
    assert doc["Config"]["Cmd"] == ["/bin/sh"]
    assert doc["Config"]["Entrypoint"] is None
    assert doc["Created"] == "2024-01-01T00:00:00Z"
    assert doc["Os"] == "linux"
    assert doc["RootFS"] == {"Type": "layers", "Layers": [images.digest(l) for l in LAYERS]}
    assert doc["Size"] == os.path.getsize(images.BUSYBOX) + len(images.PASSWD) + len(
        images.GROUP) + 6


def test_layers_are_unpacked(box, work):
    box.ok("load", "-i", docker_tar(f"{work}/a.tar", ["box:1"]))
    assert len(store_list(box, "layers")) == 2
    trees = [os.path.join(box.store, "layers", n, "fs") for n in store_list(box, "layers")]
    assert any(os.path.exists(f"{t}/bin/busybox") for t in trees)
    assert any(open(f"{t}/etc/motd").read() == "hello\n" for t in trees
               if os.path.exists(f"{t}/etc/motd"))
    for name in store_list(box, "blobs/sha256"):
        path = os.path.join(box.store, "blobs/sha256", name)
        assert images.digest(open(path, "rb").read()) == "sha256:" + name
        assert os.stat(path).st_mode & 0o7777 == 0o400


@one_user
@pytest.mark.parametrize("pack", ["plain", "gzip", "zstd"])
def test_packed_and_from_stdin(box, work, pack):
    path = docker_tar(f"{work}/a.tar", ["box:1"])
    if pack != "plain":
        subprocess.run([pack, "-q", path], check=True)
        path += {"gzip": ".gz", "zstd": ".zst"}[pack]
    with open(path, "rb") as f:
        done = box.exec(box.command("load"), stdin=f)
    assert (done.returncode, done.stdout) == (0, "Loaded image: box:1\n")
    assert inspect(box, "box:1")["Id"] == image_id()


@one_user
@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("tag,name", [
    ("box:7", "box:7"), ("7", "localhost/7:latest"), ("q.io/a/b:c", "q.io/a/b:c")])
def test_oci_layout(box, work, compress, tag, name):
    digest = images.oci_layout(f"{work}/oci", tag=tag, layers=LAYERS, compress=compress)
    assert box.ok("load", "-i", f"{work}/oci") == f"Loaded image: {name}\n"
    doc = inspect(box, name)
    assert doc["Id"] == image_id()
    assert doc["Digest"] == digest


def oci_tar(work, order, tag="box:1"):
    """An OCI archive whose entries come in this order."""
    images.oci_layout(f"{work}/oci", tag=tag, layers=LAYERS)
    found = []
    for base, _, files in os.walk(f"{work}/oci"):
        found += [os.path.join(base, f) for f in files]
    path = f"{work}/oci.tar"
    with tarfile.open(path, "w") as tar:
        for name in sorted(found, key=os.path.basename, reverse=order == "index last"):
            tar.add(name, "./" + os.path.relpath(name, f"{work}/oci"))
    return path


@one_user
@pytest.mark.parametrize("order", ["index first", "index last"])
def test_oci_archive_in_any_order(box, work, order):
    assert box.ok("load", "-i", oci_tar(work, order)) == "Loaded image: box:1\n"


@one_user
def test_untagged(box, work):
    path = docker_tar(f"{work}/a.tar", None)
    assert box.ok("load", "-i", path) == f"Loaded image ID: {image_id()}\n"
    assert names(box) == ["<none>:<none>"]
    assert box.ok("images", "-q", "-f", "dangling=true") == image_id()[7:19] + "\n"
    # Another load changes nothing.
    box.ok("load", "-i", path)
    assert names(box) == ["<none>:<none>"]


@one_user
def test_platform_is_chosen_from_an_index(box, work):
    """As buildx writes it: index.json -> an index with a name -> manifests and an attestation."""
    images.oci_layout(f"{work}/oci", tag="x", layers=LAYERS)
    with open(f"{work}/oci/index.json", encoding="utf-8") as f:
        ours = json.load(f)["manifests"][0]
    del ours["annotations"]
    machine = json.loads(images.image_config(LAYERS))["architecture"]
    other = "sha256:" + "0" * 64
    index = json.dumps({"schemaVersion": 2,
                        "mediaType": "application/vnd.oci.image.index.v1+json",
                        "manifests": [
        {**ours, "digest": other, "platform": {"os": "linux", "architecture": "s390x"}},
        {**ours, "platform": {"os": "linux", "architecture": machine}},
        {**ours, "digest": other, "platform": {"os": "unknown", "architecture": "unknown"},
         "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}]}).encode()
    with open(f"{work}/oci/blobs/sha256/{images.digest(index)[7:]}", "wb") as f:
        f.write(index)
    with open(f"{work}/oci/index.json", "w", encoding="utf-8") as f:
        json.dump({"schemaVersion": 2, "manifests": [{
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "digest": images.digest(index), "size": len(index),
            "annotations": {"io.containerd.image.name": "docker.io/library/multi:1",
                            "org.opencontainers.image.ref.name": "1"}}]}, f)
    assert box.ok("load", "-i", f"{work}/oci") == "Loaded image: multi:1\n"
    assert inspect(box, "multi:1")["Id"] == image_id()


@one_user
@pytest.mark.parametrize("to", ["docker-archive", "oci-archive"])
def test_what_skopeo_writes(box, work, to):
    images.oci_layout(f"{work}/oci", tag="x", layers=LAYERS)
    path = f"{work}/out.tar"
    subprocess.run(["skopeo", "copy", "-q", f"oci:{work}/oci:x", f"{to}:{path}:box:3"], check=True)
    os.chmod(path, 0o644)
    assert box.ok("load", "-i", path) == "Loaded image: box:3\n"
    seen = json.loads(subprocess.run(["skopeo", "inspect", "--config", f"{to}:{path}"],
                                     check=True, capture_output=True).stdout)
    assert inspect(box, "box:3")["RootFS"]["Layers"] == seen["rootfs"]["diff_ids"]


@one_user
def test_what_umoci_writes(box, work):
    """umoci packs layers and keeps a tag only as the reference's name."""
    subprocess.run(["umoci", "init", "--layout", f"{work}/u"], check=True)
    subprocess.run(["umoci", "new", "--image", f"{work}/u:v9"], check=True)
    with open(f"{work}/layer.tar", "wb") as f:
        f.write(LAYERS[0])
    subprocess.run(["umoci", "raw", "add-layer", "--image", f"{work}/u:v9", f"{work}/layer.tar"],
                   check=True)
    subprocess.run(["chmod", "-R", "a+rX", f"{work}/u"], check=True)
    assert box.ok("load", "-i", f"{work}/u") == "Loaded image: localhost/v9:latest\n"
    assert inspect(box, "localhost/v9")["RootFS"]["Layers"] == [images.digest(LAYERS[0])]


def add(tar, name, data=b"", **kw):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in kw.items():
        setattr(info, key, value)
    tar.addfile(info, io.BytesIO(data))


def old_archive(path, config=None, layers=("a/layer.tar", "b/layer.tar"), contents=None, **extra):
    """docker save before 25: equal layers are links, configs may be called anything."""
    config = config or images.image_config([LAYERS[0], LAYERS[0]])
    with tarfile.open(path, "w") as tar:
        add(tar, "a", type=tarfile.DIRTYPE, mode=0o755)
        add(tar, "a/VERSION", b"1.0")
        for name, data in (contents or {"a/layer.tar": LAYERS[0]}).items():
            add(tar, name, data)
        add(tar, "b/layer.tar", type=tarfile.SYMTYPE, linkname="../a/layer.tar")
        add(tar, "config.json", config)
        add(tar, "manifest.json", json.dumps([{
            "Config": "config.json", "RepoTags": ["old:1"], "Layers": list(layers), **extra,
        }]).encode())
    os.chmod(path, 0o644)
    return path


@one_user
def test_equal_layers_as_links(box, work):
    assert box.ok("load", "-i", old_archive(f"{work}/a.tar")) == "Loaded image: old:1\n"
    assert inspect(box, "old:1")["RootFS"]["Layers"] == [images.digest(LAYERS[0])] * 2
    assert len(store_list(box, "layers")) == 2


@one_user
def test_layers_of_a_docker_archive_may_be_packed(box, work):
    packed = gzip.compress(LAYERS[0])
    path = old_archive(f"{work}/a.tar", contents={"a/layer.tar": packed})
    assert box.ok("load", "-i", path) == "Loaded image: old:1\n"


def assert_nothing(user):
    assert rows(user) == []
    assert user.leftovers() == []


@one_user
def test_changed_layer_is_refused(box, work):
    path = old_archive(f"{work}/a.tar", contents={"a/layer.tar": LAYERS[1]})
    assert box.fails(1, "load", "-i", path) == (
        f"proa: load: layer a/layer.tar: content is {images.digest(LAYERS[1])}, "
        f"the config says {images.digest(LAYERS[0])}\n")
    assert_nothing(box)


def test_changed_packed_layer_is_refused(box, work):
    packed = gzip.compress(LAYERS[1])
    path = old_archive(f"{work}/a.tar", contents={"a/layer.tar": packed})
    assert images.digest(LAYERS[0])[7:19] in box.fails(1, "load", "-i", path)
    assert_nothing(box)


@one_user
def test_changed_blob_is_refused(box, work):
    images.oci_layout(f"{work}/oci", tag="box:1", layers=LAYERS, compress=False)
    blob = f"{work}/oci/blobs/sha256/{images.digest(LAYERS[1])[7:]}"
    with open(blob, "r+b") as f:
        f.seek(600)
        f.write(b"X")
    changed = images.digest(open(blob, "rb").read())
    name = f"blobs/sha256/{images.digest(LAYERS[1])[7:]}"
    assert box.fails(1, "load", "-i", f"{work}/oci") == (
        f"proa: load: {name}: content is {changed}, not {images.digest(LAYERS[1])}\n")
    assert_nothing(box)


@one_user
def test_missing_pieces_are_named(box, work):
    path = old_archive(f"{work}/a.tar", layers=("a/layer.tar", "c/layer.tar"))
    assert box.fails(1, "load", "-i", path) == (
        "proa: load: layer c/layer.tar is not in the archive\n")
    assert_nothing(box)


@one_user
def test_one_bad_image_of_two_hides_both(box, work):
    good = images.image_config([LAYERS[0]])
    with tarfile.open(f"{work}/a.tar", "w") as tar:
        add(tar, "l", LAYERS[0])
        add(tar, "c", good)
        add(tar, "manifest.json", json.dumps([
            {"Config": "c", "RepoTags": ["good:1"], "Layers": ["l"]},
            {"Config": "c", "RepoTags": ["bad:1"], "Layers": ["l", "l"]}]).encode())
    assert "proa: load: " in box.fails(1, "load", "-i", f"{work}/a.tar")
    assert_nothing(box)


@one_user
@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_cut_archive(box, work, keep):
    path = docker_tar(f"{work}/a.tar", ["box:1"])
    os.truncate(path, int(os.path.getsize(path) * keep) // 512 * 512 + 100)
    message = box.fails(1, "load", "-i", path)
    assert message.startswith(f"proa: load: {path}: ")
    assert message.count("\n") == 1
    assert_nothing(box)


@one_user
def test_no_archive_at_all(box, work):
    with open(f"{work}/text", "w", encoding="utf-8") as f:
        f.write("hello " * 1000)
    assert box.fails(1, "load", "-i", f"{work}/text").startswith(
        f"proa: load: {work}/text: ")
    with open(f"{work}/rootfs.tar", "wb") as f:
        f.write(LAYERS[0])
    assert box.fails(1, "load", "-i", f"{work}/rootfs.tar") == (
        "proa: load: neither a docker archive (no manifest.json) nor an OCI layout "
        "(no index.json)\n"
        "hint: the tar of a root file system becomes an image with 'proa import'\n")
    assert box.fails(1, "load", "-i", f"{work}/absent") == (
        f"proa: load: open {work}/absent: No such file or directory\n")
    assert_nothing(box)


@one_user
def test_names_cannot_leave_the_archive(box, work):
    path = old_archive(f"{work}/a.tar", layers=("../../../etc/passwd", "a/layer.tar"))
    assert box.fails(1, "load", "-i", path).startswith("proa: load: manifest.json: ")
    with tarfile.open(f"{work}/b.tar", "w") as tar:
        add(tar, "../escape", b"x")
        add(tar, "manifest.json", b"[]")
    assert box.fails(1, "load", "-i", f"{work}/b.tar").startswith(f"proa: load: {work}/b.tar: ")
    assert_nothing(box)


def start_half_load(user, work):
    """A load that has half of its archive and waits for the rest."""
    path = docker_tar(f"{work}/a.tar", ["box:1"])
    process = user.popen(user.command("load"), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with open(path, "rb") as f:
        data = f.read()
    process.stdin.write(data[:len(data) // 2])
    process.stdin.flush()
    deadline = time.monotonic() + 20
    while not any(n.startswith("load.") for n in store_list(user, "tmp")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process, data


def test_killed_load_leaves_nothing(box, work):
    process, _ = start_half_load(box, work)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.stdin.close()
    assert [n for n in store_list(box, "tmp") if n.startswith("load.")]
    assert_nothing(box)  # the listing swept


def test_living_load_is_not_swept(box, work):
    process, data = start_half_load(box, work)
    assert rows(box) == []
    assert [n for n in store_list(box, "tmp") if n.startswith("load.")]
    # Nor does garbage collection touch what it will need.
    box.fails(1, "rmi", "absent")
    process.stdin.write(data[len(data) // 2:])
    process.stdin.close()
    assert process.wait() == 0
    assert names(box) == ["box:1"]


def test_loads_side_by_side(box, work):
    path = docker_tar(f"{work}/a.tar", ["box:1"])
    processes = [box.popen(box.command("load", "-i", path), stdout=subprocess.PIPE)
                 for _ in range(8)]
    for process in processes:
        out, _ = process.communicate()
        assert (process.returncode, out) == (0, b"Loaded image: box:1\n")
    assert names(box) == ["box:1"]
    assert len(store_list(box, "layers")) == 2


def test_full_disk(people, scratch):
    """As root only: it takes a mount. The store stays usable with no byte free."""
    root = people["root"]
    place = os.path.join(scratch, "small")
    os.makedirs(place, mode=0o700)
    archive = docker_tar(os.path.join(scratch, "full.tar"), ["box:1"])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=0700", "small", place], check=True)
    try:
        def proa(*args):
            return root.exec([root.binary, "--root", f"{place}/store", *args])

        done = proa("load", "-i", archive)
        assert done.returncode == 1
        assert re.fullmatch(r"proa: load: .*: No space left on device\n", done.stderr)
        done = proa("images", "-q")
        assert (done.returncode, done.stdout) == (0, "")
        assert os.listdir(f"{place}/store/tmp") == []
        assert os.listdir(f"{place}/store/trash") == []
        # An image that fits, a disk that fills up, and rmi that makes room.
        small = docker_tar(os.path.join(scratch, "tiny.tar"), ["tiny:1"], layers=[LAYERS[1]])
        assert proa("load", "-i", small).stdout == "Loaded image: tiny:1\n"
        with open(f"{place}/filler", "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass
        done = proa("rmi", "tiny:1")
        assert (done.returncode, done.stderr) == (0, "")
        assert os.listdir(f"{place}/store/layers") == []
        assert os.listdir(f"{place}/store/blobs/sha256") == []
    finally:
        subprocess.run(["umount", place], check=True)


# Importing


def test_import(box, work):
    with open(f"{work}/root.tar", "wb") as f:
        f.write(LAYERS[0])
    out = box.ok("import", "-c", 'CMD ["sh", "-c", "id"]', "-c", "ENV A=b C='d e' PATH=/x",
                 "-c", "workdir /srv", "-c", "WORKDIR app", "-c", "USER 1000:1000",
                 "-c", "LABEL a.b=c", "-c", "EXPOSE 80 53/udp", "-c", 'VOLUME ["/data", "/v2"]',
                 "-c", "ENTRYPOINT exec top", "-c", "STOPSIGNAL SIGQUIT", "-m", "by hand",
                 "--platform", "linux/arm64/v9", f"{work}/root.tar", "q.io/box:5")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", out)
    doc = inspect(box, "q.io/box:5")
    assert doc["Id"] == out.strip()
    config = doc["Config"]
    assert config["Cmd"] == ["sh", "-c", "id"]
    assert config["Entrypoint"] == ["/bin/sh", "-c", "exec top"]
    assert config["Env"] == ["A=b", "C=d e", "PATH=/x"]
    assert config["WorkingDir"] == "/srv/app"
    assert config["User"] == "1000:1000"
    assert config["Labels"] == {"a.b": "c"}
    assert config["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}
    assert config["Volumes"] == {"/data": {}, "/v2": {}}
    assert config["StopSignal"] == "SIGQUIT"
    assert (doc["Os"], doc["Architecture"], doc["Variant"]) == ("linux", "arm64", "v9")
    assert doc["Comment"] == "by hand"
    assert doc["RootFS"]["Layers"] == [images.digest(LAYERS[0])]


@one_user
@pytest.mark.parametrize("pack", ["plain", "gzip", "zstd"])
def test_import_from_stdin(box, work, pack):
    with open(f"{work}/r", "wb") as f:
        f.write(LAYERS[0])
    if pack != "plain":
        subprocess.run([pack, "-q", f"{work}/r"], check=True)
    path = f"{work}/r" + {"plain": "", "gzip": ".gz", "zstd": ".zst"}[pack]
    with open(path, "rb") as f:
        done = box.exec(box.command("import", "-", "box"), stdin=f)
    assert done.returncode == 0, done.stderr
    doc = inspect(box, "box:latest")
    assert doc["Comment"] == "Imported from -"
    assert doc["RootFS"]["Layers"] == [images.digest(LAYERS[0])]


@one_user
def test_import_without_a_name(box, work):
    with open(f"{work}/r", "wb") as f:
        f.write(LAYERS[0])
    done = box.ok("import", f"{work}/r")
    assert names(box) == ["<none>:<none>"]
    assert box.ok("images", "-q", "--no-trunc") == done


@one_user
@pytest.mark.parametrize("change,message", [
    ("RUN true", "RUN is not a valid change command"),
    ("ENV", "ENV requires an argument"),
    ("ENV A", "ENV: A has no value"),
    ("EXPOSE 99999", "EXPOSE: invalid port: 99999"),
    ("EXPOSE 80/icmp", "EXPOSE: invalid port: 80/icmp"),
    ("LABEL a='b", "LABEL: a ' is not closed"),
])
def test_import_with_a_bad_change(box, work, change, message):
    with open(f"{work}/r", "wb") as f:
        f.write(LAYERS[0])
    assert box.fails(1, "import", "-c", change, f"{work}/r") == f"proa: import: {message}\n"
    assert_nothing(box)


@one_user
def test_import_of_garbage(box, work):
    with open(f"{work}/r", "wb") as f:
        f.write(b"garbage " * 1000)
    assert box.fails(1, "import", f"{work}/r").startswith(f"proa: import: {work}/r: ")
    open(f"{work}/empty", "w", encoding="utf-8").close()
    assert box.fails(1, "import", f"{work}/empty").startswith(f"proa: import: {work}/empty: ")
    assert_nothing(box)


# Listing


@pytest.fixture
def three(box, work):
    """box:1 and box:2 are one image, other:1 another, made later, with a label."""
    box.ok("load", "-i", docker_tar(f"{work}/a.tar", ["box:1", "box:2"]))
    with open(f"{work}/r", "wb") as f:
        f.write(LAYERS[1])
    box.ok("import", "-c", "LABEL color=red", f"{work}/r", "q.io/other:1")
    return box


@one_user
def test_table(three):
    lines = three.ok("images").splitlines()
    assert re.fullmatch(r"REPOSITORY +TAG +IMAGE ID +CREATED +SIZE", lines[0])
    assert re.fullmatch(r"q\.io/other +1 +[0-9a-f]{12} +.* ago +6B", lines[1])
    ident = image_id()[7:19]
    assert re.fullmatch(rf"box +1 +{ident} +\d+ (months|years) ago +\d\.\d+MB", lines[2])
    assert re.fullmatch(rf"box +2 +{ident} +\d+ (months|years) ago +\d\.\d+MB", lines[3])
    assert len(lines) == 4


@one_user
def test_formats(three):
    assert three.ok("images", "--format", "{{.Repository}}:{{.Tag}}") == (
        "q.io/other:1\nbox:1\nbox:2\n")
    assert three.ok("images", "--format", "{{.ID}}", "--no-trunc", "box:1") == image_id() + "\n"
    lines = three.ok("images", "--format", "table {{.Tag}}\t{{.Digest}}", "box").splitlines()
    assert [line.split() for line in lines] == [
        ["TAG", "DIGEST"], ["1", "<none>"], ["2", "<none>"]]
    row = rows(three, "box:1")[0]
    assert row["ID"] == image_id()[7:19]
    assert row["CreatedAt"] == "2024-01-01 00:00:00 +0000 UTC"
    assert row["Containers"] == "0"
    assert three.ok("images", "-q") .splitlines()[1:] == [image_id()[7:19]]
    assert "DIGEST" in three.ok("images", "--digests").splitlines()[0].split()


@one_user
@pytest.mark.parametrize("args,expected", [
    (["box"], ["box:1", "box:2"]),
    (["box:2"], ["box:2"]),
    (["docker.io/library/box:2"], ["box:2"]),
    (["absent"], []),
    (["-f", "label=color"], ["q.io/other:1"]),
    (["-f", "label=color=red"], ["q.io/other:1"]),
    (["-f", "label=color=blue"], []),
    (["-f", "reference=b*"], ["box:1", "box:2"]),
    (["-f", "reference=b*:2"], ["box:2"]),
    (["-f", "reference=*/other"], ["q.io/other:1"]),
    (["-f", "before=q.io/other:1"], ["box:1", "box:2"]),
    (["-f", "since=box:1"], ["q.io/other:1"]),
    (["-f", "dangling=true"], []),
    (["-f", "dangling=false"], ["box:1", "box:2", "q.io/other:1"]),
    (["-f", "until=2024-06-01"], ["box:1", "box:2"]),
    (["-f", "until=2023-06-01T12:00:00"], []),
    (["-f", "until=1h", "-f", "reference=box"], ["box:1", "box:2"]),
])
def test_filters(three, args, expected):
    assert names(three, *args) == expected


@one_user
def test_bad_filters(three):
    assert three.fails(1, "images", "-f", "color=red") == (
        "proa: images: invalid filter 'color': known are before, dangling, label, reference, "
        "since, until\n")
    assert three.fails(1, "images", "-f", "dangling") == (
        "proa: images: invalid filter 'dangling': KEY=VALUE is wanted\n")
    assert three.fails(1, "images", "-f", "before=absent") == (
        "proa: images: No such image: absent:latest\n")


@one_user
def test_inspect(three):
    assert three.ok("inspect", "-f", "{{.Os}} {{json .Config.Cmd}}", "box:1") == (
        'linux ["/bin/sh"]\n')
    assert len(json.loads(three.ok("image", "inspect", "box:1", "q.io/other:1"))) == 2
    done = three.proa("inspect", "absent", "box:1")
    assert done.returncode == 1
    assert done.stderr == "proa: inspect: No such object: absent\n"
    assert len(json.loads(done.stdout)) == 1
    done = three.proa("image", "inspect", "absent")
    assert (done.returncode, done.stdout) == (1, "[]\n")
    assert done.stderr == "proa: image inspect: No such image: absent:latest\n"
    # By id, and by its beginning.
    for name in (image_id(), image_id()[7:], image_id()[7:15], image_id()[:15]):
        assert three.ok("inspect", "-f", "{{.Id}}", name) == image_id() + "\n"


# Naming


@one_user
def test_tag(three):
    three.ok("tag", "box:1", "registry.lan:5000/x:y")
    assert inspect(three, "registry.lan:5000/x:y")["Id"] == image_id()
    three.ok("tag", image_id()[7:17], "byid")
    assert inspect(three, "byid:latest")["Id"] == image_id()
    # A name moves; the image that loses its last one stays, without a name.
    three.ok("tag", "box:1", "q.io/other:1")
    assert names(three, "-f", "dangling=true") == ["<none>:<none>"]


@one_user
def test_tag_errors(three):
    assert three.fails(1, "tag", "absent", "x") == "proa: tag: No such image: absent:latest\n"
    assert three.fails(1, "tag", "box:1", "Foo") == (
        "proa: tag: invalid reference format: repository name (Foo) must be lowercase\n")
    name = "x@sha256:" + "0" * 64
    assert three.fails(1, "tag", "box:1", name) == (
        f"proa: tag: refusing to create a tag with a digest reference: {name}\n")


# Removing


def chain_ids(layers):
    ids = []
    for layer in layers:
        diff = images.digest(layer)
        ids.append(images.digest(f"{ids[-1]} {diff}".encode()) if ids else diff)
    return ids


def test_rmi_by_name(three):
    assert three.ok("rmi", "box:1") == "Untagged: box:1\n"
    chain = chain_ids(LAYERS)
    assert three.ok("rmi", "box:2") == (
        f"Untagged: box:2\nDeleted: {image_id()}\nDeleted: {chain[1]}\nDeleted: {chain[0]}\n")
    assert names(three) == ["q.io/other:1"]
    assert len(store_list(three, "layers")) == 1
    assert len(store_list(three, "blobs/sha256")) == 3


@one_user
def test_rmi_by_id(three):
    three.ok("tag", "box:1", "q.io/box:1")
    short = image_id()[7:19]
    assert three.fails(1, "rmi", short) == (
        f"proa: rmi: conflict: unable to delete {short} (must be forced) - image is referenced in "
        "multiple repositories: box:1, box:2, q.io/box:1\n")
    out = three.ok("rmi", "-f", short).splitlines()
    assert sorted(out[:3]) == ["Untagged: box:1", "Untagged: box:2", "Untagged: q.io/box:1"]
    assert out[3] == f"Deleted: {image_id()}"
    assert names(three) == ["q.io/other:1"]


@one_user
def test_rmi_of_several(three):
    done = three.proa("rmi", "absent", "box:1", "alsoabsent:3")
    assert done.returncode == 1
    assert done.stdout == "Untagged: box:1\n"
    assert done.stderr == ("proa: rmi: No such image: absent:latest\n"
                           "proa: rmi: No such image: alsoabsent:3\n")
    assert three.ok("rmi", "--ignore", "absent") == ""
    assert three.fails(1, "rmi") == (
        "proa: rmi: requires at least 1 argument\n"
        "hint: --all removes every image; see 'proa rmi --help'\n")


@one_user
def test_shared_layers_stay(box, work):
    box.ok("load", "-i", docker_tar(f"{work}/a.tar", ["one:1"], layers=LAYERS[:1]))
    box.ok("load", "-i", docker_tar(f"{work}/b.tar", ["two:1"]))
    out = box.ok("rmi", "two:1")
    assert f"Deleted: {chain_ids(LAYERS)[1]}\n" in out
    assert f"Deleted: {chain_ids(LAYERS)[0]}\n" not in out
    assert len(store_list(box, "layers")) == 1
    assert inspect(box, "one:1")["Size"] > 0


@one_user
def test_no_prune_leaves_layers_to_the_next(three):
    three.ok("rmi", "box:1")
    assert three.ok("rmi", "--no-prune", "box:2") == f"Untagged: box:2\nDeleted: {image_id()}\n"
    assert len(store_list(three, "layers")) == 3
    three.ok("rmi", "q.io/other:1")
    assert store_list(three, "layers") == []


@one_user
def test_removing_all_takes_what_earlier_removals_left(three):
    for name in ("box:1", "box:2", "q.io/other:1"):
        three.ok("rmi", "--no-prune", name)
    assert len(store_list(three, "layers")) == 3
    assert three.ok("rmi", "--all", "--no-prune") == ""
    assert len(store_list(three, "layers")) == 3
    assert three.ok("rmi", "--all") == ""
    assert store_list(three, "layers") == []


def test_image_of_a_container_stays(three):
    container = three.ok("create", "--name", "user", "--network", "none", "box:1", "true").strip()
    short = image_id()[7:19]
    try:
        assert three.ok("rmi", "box:2") == "Untagged: box:2\n"
        assert three.fails(1, "rmi", "box:1") == (
            'proa: rmi: conflict: unable to remove repository reference "box:1" (must force) - '
            f"container {container[:12]} is using its referenced image {short}\n")
        assert three.fails(1, "rmi", short) == (
            f"proa: rmi: conflict: unable to delete {short} (must be forced) - image is being used "
            f"by stopped container {container[:12]}\n")
        assert rows(three, "box:1")[0]["Containers"] == "1"
        # By force the image goes, and what the container needs stays.
        assert three.ok("rmi", "-f", "box:1") == f"Untagged: box:1\nDeleted: {image_id()}\n"
        assert len(store_list(three, "layers")) == 3
        three.ok("start", "-a", "user")
    finally:
        three.ok("rm", "-f", "user")
    three.ok("rmi", "q.io/other:1")
    assert store_list(three, "layers") == []


@one_user
def test_damaged_image_can_be_removed(three):
    os.unlink(os.path.join(three.store, "blobs/sha256", image_id()[7:]))
    assert three.fails(1, "inspect", "--type", "image", "box:1") == (
        f"proa: inspect: image {image_id()[:19]}: blob {image_id()} is not in the store\n")
    three.ok("images")
    assert three.ok("rmi", "box:1", "box:2") == (
        f"Untagged: box:1\nUntagged: box:2\nDeleted: {image_id()}\n")
