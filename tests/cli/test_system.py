"""system check, df and prune; a store that is moved, read-only, of another format, or deleted."""
import json
import os
import re
import shutil
import subprocess
import tarfile

import pytest

import images
import registry as registries
import registry_images

REPAIR = "proa system check --repair"
TOP = registry_images.tar({
    "etc/x": b"abc", "new/deep/f": b"1" * 5000, ".wh.home": b"", "opaque": None,
    "opaque/.wh..wh..opq": b"", "etc/alice": (b"a", {"uid": 1000, "mode": 0o600}),
    "link": (b"", {"type": tarfile.SYMTYPE, "linkname": "etc/x"})})


@pytest.fixture(scope="module")
def archives(scratch):
    """one:1 has one layer; two:1 has that and a second one."""
    place = os.path.join(scratch, "system")
    os.makedirs(place)
    base = images.busybox_tar()
    images.docker_archive(f"{place}/one.tar", ["one:1"], layers=[base])
    images.docker_archive(f"{place}/two.tar", ["two:1"],
                          layers=[base, TOP], Labels={"kind": "two"})
    yield place
    shutil.rmtree(place)


@pytest.fixture
def store(user, archives):
    """An account with an empty store but for these two images."""
    shutil.rmtree(user.store, ignore_errors=True)
    for name in ("one", "two"):
        user.ok("load", "-i", f"{archives}/{name}.tar")
    yield user
    for line in user.ok("ps", "-aq").split():
        user.ok("rm", "-f", line)
    shutil.rmtree(user.store, ignore_errors=True)


def check(user, *args, status=0):
    done = user.proa("system", "check", *args)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout.splitlines()


def place(user, *parts):
    return os.path.join(user.store, *parts)


def write(path, data, mode="wb"):
    """As root, whatever its mode, keeping owner, mode and time."""
    before = os.stat(path)
    with open(path, mode) as f:
        f.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def blob(user, name):
    """The image's blobs, by what they are."""
    shown = json.loads(user.ok("inspect", "--type", "image", name))[0]
    record = json.load(open(place(user, "images", f"docker.io%2Flibrary%2F{name.replace(':', '%3A')}.json"),
                            encoding="utf-8"))
    manifest = json.load(open(place(user, "blobs/sha256", record["manifest"][7:]), encoding="utf-8"))
    return {"config": shown["Id"], "manifest": record["manifest"],
            "layers": [layer["digest"] for layer in manifest["layers"]]}


def layer_of(user, name, index):
    """Directory of an unpacked layer; chain ids as in the image specification."""
    shown = json.loads(user.ok("inspect", "--type", "image", name))[0]
    chain = ""
    for diff in shown["RootFS"]["Layers"][:index + 1]:
        chain = images.digest(f"{chain} {diff}".encode()) if chain else diff
    found = [n for n in os.listdir(place(user, "layers")) if n.startswith(chain[7:])]
    assert len(found) == 1
    return place(user, "layers", found[0])


# --- check


def test_a_sound_store(store):
    for args in ([], ["--deep"], ["--deep", "--repair"]):
        assert check(store, *args) == [
            "Checked 2 images, 2 layers, 6 blobs, 0 containers: no damage found"]
    store.ok("run", "--name", "kept", "two:1", "touch", "/made")
    assert check(store, "--deep")[0].endswith("1 container: no damage found")
    assert check(store, "-q") == []
    assert check(store, "--json") == []


def test_a_blob_with_other_bytes(store):
    digest = blob(store, "two:1")["layers"][1]
    path = place(store, "blobs/sha256", digest[7:])
    with open(path, "rb") as f:
        data = bytearray(f.read())
    data[-600] ^= 1
    write(path, bytes(data))
    assert check(store)[0].endswith("no damage found")
    lines = check(store, "--deep", status=1)
    assert lines[:2] == [
        f"blob {digest}: its content has the digest {images.digest(bytes(data))}: {REPAIR}",
        f"image two:1: the blob of its layer 2 is damaged: {digest}: "
        "proa rmi -f two:1, and load or build it again"]
    assert check(store, "--deep", "-q", status=1) == [f"blob {digest}", "image two:1"]
    rows = [json.loads(line) for line in check(store, "--deep", "--json", status=1)]
    assert [row["Thing"] for row in rows] == [f"blob {digest}", "image two:1"]
    # A loaded image cannot be fetched again: the damaged blob goes, the image is still told.
    lines = check(store, "--deep", "--repair", status=1)
    assert lines[0].endswith(": repaired") and not os.path.exists(path)
    assert check(store, status=1)[0] == (
        f"image two:1: the blob of its layer 2 is missing: {digest}: "
        "proa rmi -f two:1, and load or build it again")
    store.ok("rmi", "-f", "two:1")
    assert check(store, "--deep")[0].endswith("no damage found")


@pytest.mark.parametrize("part", ["config", "manifest"])
def test_a_lost_config_or_manifest(store, part):
    digest = blob(store, "two:1")[part]
    os.unlink(place(store, "blobs/sha256", digest[7:]))
    assert check(store, status=1)[0] == (
        f"image two:1: its {part}: blob {digest} is not in the store: "
        "proa rmi -f two:1, and load or build it again")


DAMAGES = [
    ("etc/x: other content", lambda d: write(f"{d}/etc/x", b"abd")),
    ("etc/x: another size", lambda d: write(f"{d}/etc/x", b"abcd")),
    ("etc/x: another mode", lambda d: os.chmod(f"{d}/etc/x", 0o600)),
    ("etc/x: another time", lambda d: os.utime(f"{d}/etc/x", (1, 1))),
    ("etc/x: it is missing", lambda d: _remove(f"{d}/etc/x")),
    ("new/deep/g: it does not belong there", lambda d: _add(f"{d}/new/deep/g")),
    ("link: another target", lambda d: _relink(f"{d}/link")),
    ("home: it is missing", lambda d: _remove(f"{d}/home")),
    (".: another mode", lambda d: os.chmod(d, 0o700)),
]


def _times(path):
    st = os.stat(os.path.dirname(path))
    return os.path.dirname(path), (st.st_atime_ns, st.st_mtime_ns)


def _remove(path):
    parent, times = _times(path)
    os.unlink(path)
    os.utime(parent, ns=times)


def _add(path):
    parent, times = _times(path)
    st = os.stat(parent)
    with open(path, "wb"):
        pass
    os.chown(path, st.st_uid, st.st_gid)
    os.utime(parent, ns=times)


def _relink(path):
    parent, times = _times(path)
    st = os.lstat(path)
    os.unlink(path)
    os.symlink("etc/y", path)
    os.chown(path, st.st_uid, st.st_gid, follow_symlinks=False)
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns), follow_symlinks=False)
    os.utime(parent, ns=times)


@pytest.mark.parametrize("what,damage", DAMAGES, ids=[d[0] for d in DAMAGES])
def test_a_layer_that_was_changed(store, what, damage):
    layer = layer_of(store, "two:1", 1)
    damage(f"{layer}/fs")
    assert check(store)[0].endswith("no damage found")
    thing = f"layer {os.path.basename(layer)}: {what} (image two:1): "
    assert check(store, "--deep", status=1)[0] == thing + REPAIR
    assert check(store, "--deep", "--repair")[0] == thing + "repaired"
    assert check(store, "--deep")[0].endswith("no damage found")
    assert store.ok("run", "--rm", "two:1", "cat", "/etc/x") == "abc"


def test_a_layer_without_its_frame(store):
    layer = layer_of(store, "two:1", 1)
    os.unlink(f"{layer}/meta.json")
    line = check(store, status=1)[0]
    assert line == (f"layer {os.path.basename(layer)}: meta.json: open layers/"
                    f"{os.path.basename(layer)}/meta.json: No such file or directory: {REPAIR}")
    assert check(store, "--repair")[0].endswith(": repaired")
    assert store.ok("run", "--rm", "two:1", "cat", "/etc/x") == "abc"
    assert check(store, "--deep")[0].endswith("no damage found")


def test_a_layer_in_use_is_not_replaced(store):
    layer = layer_of(store, "two:1", 1)
    os.chmod(f"{layer}/fs/etc/x", 0o600)
    running = store.popen(store.command("run", "--name", "holds", "two:1", "sh", "-c",
                                        "echo up; exec sleep 60"),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert running.stdout.readline() == "up\n"
    try:
        assert check(store, "--deep", "--repair", status=1)[0].endswith(
            f"stop the containers that use two:1, then {REPAIR}")
    finally:
        store.ok("rm", "-f", "holds")
        running.wait(10)
    assert check(store, "--deep", "--repair")[0].endswith(": repaired")


def test_stray_files(store):
    owner = os.stat(store.store)
    for name in ("blobs/sha256/README", "ingest/x", "layers/old", "images/torn.json"):
        path = place(store, name)
        with open(path, "wb") as f:
            f.write(b"{")
        os.chown(path, owner.st_uid, owner.st_gid)
    os.mkdir(place(store, "mine"))
    lines = check(store, status=1)
    assert [line.split(": ")[0] for line in lines[:-1]] == [
        "mine", "ingest/x", "images/torn.json", "blobs/sha256/README", "layers/old"]
    assert lines[0] == "mine: it is no part of a store: move it elsewhere"
    lines = check(store, "--repair", status=1)
    assert [line.endswith(": repaired") for line in lines[:-1]] == [False] + [True] * 4
    os.rmdir(place(store, "mine"))
    assert check(store)[0].endswith("no damage found")
    shutil.rmtree(place(store, "ingest"))
    assert check(store, status=1)[0] == f"ingest: the store has no such directory: {REPAIR}"
    assert check(store, "--repair")[0] == "ingest: the store has no such directory: repaired"


def test_leftovers_of_the_dead_are_swept(store):
    owner = os.stat(store.store)
    for name in ("tmp/layer.0123456789abcdef/fs", "trash/feed/x", f"containers/.{'a' * 64}/upper"):
        os.makedirs(place(store, name))
    os.symlink("b" * 48, place(store, "names/gone"))
    for name in ("locks/layer-x", "blobs/sha256/.tmp.0123456789abcdef", "tmp/lease.00",
                 f"blobs/sha256/{'c' * 64}~00000000", f"layers/{'d' * 64}.root~00000000"):
        with open(place(store, name), "wb"):
            pass
    for root, dirs, files in os.walk(store.store):
        for name in dirs + files:
            st = os.lstat(os.path.join(root, name))
            if st.st_uid == 0 and owner.st_uid:
                os.lchown(os.path.join(root, name), owner.st_uid, owner.st_gid)
    assert check(store)[0].endswith("no damage found")
    for name in ("tmp", "trash", "containers", "names"):
        assert os.listdir(place(store, name)) == []
    assert not [n for n in os.listdir(place(store, "blobs/sha256")) if not re.fullmatch("[0-9a-f]{64}", n)]


def test_containers_lose_nothing(store):
    store.ok("run", "--name", "kept", "two:1", "sh", "-c", "echo precious > /made")
    ident = store.ok("ps", "-aq", "--no-trunc").strip()
    home = place(store, "containers", ident)
    config = open(f"{home}/config.json", encoding="utf-8").read()
    write(f"{home}/config.json", b"")
    lines = check(store, "--repair", status=1)
    assert lines[0].startswith(f"container {ident[:12]}: ")
    assert lines[0].endswith(f": copy what you need from containers/{ident[:12]}*/upper in the "
                             f"store, then proa rm -f {ident[:12]}")
    assert open(f"{home}/upper/made", encoding="utf-8").read() == "precious\n"
    write(f"{home}/config.json", config.encode())
    os.unlink(place(store, "names/kept"))
    assert check(store, status=1)[0] == (
        f"container {ident[:12]}: its name kept does not lead to it: {REPAIR}")
    assert check(store, "--repair")[0].endswith(": repaired")
    assert store.ok("start", "-a", "kept") == ""
    shutil.rmtree(layer_of(store, "two:1", 1))
    lines = check(store, "--repair", status=1)
    assert "which it was made from, is not there: proa pull two:1" in lines[0]
    store.ok("run", "--rm", "two:1", "true")  # unpacks it again
    assert check(store, "--deep")[0].endswith("no damage found")


def test_what_a_registry_has_is_fetched_again(store):
    server = registries.FaultyRegistry()
    try:
        image = registry_images.Image([registry_images.Layer(images.busybox_tar()),
                                       registry_images.Layer(TOP)])
        server.add("app", "1", image)
        name = f"{server.host}/app:1"
        store.ok("pull", "-q", name)
        record = json.load(open(place(store, "images", [
            n for n in os.listdir(place(store, "images")) if "app" in n][0]), encoding="utf-8"))
        manifest = json.loads(image.manifest)
        for digest in (manifest["layers"][1]["digest"], manifest["config"]["digest"],
                       record["manifest"]):
            path = place(store, "blobs/sha256", digest[7:])
            size = os.stat(path).st_size
            for change in (lambda: write(path, b"x" * size), lambda: os.unlink(path)):
                change()
                assert check(store, "--deep", status=1)[0].endswith(REPAIR)
                lines = check(store, "--deep", "--repair")
                assert lines[0].endswith(": repaired"), lines
                assert check(store, "--deep")[0].endswith("no damage found")
        # A pull alone brings back what is missing, though its tag has not moved.
        for lost in (place(store, "blobs/sha256", manifest["layers"][0]["digest"][7:]),
                     layer_of(store, name, 1)):
            shutil.rmtree(lost) if os.path.isdir(lost) else os.unlink(lost)
            store.ok("pull", "-q", name)
            assert check(store, "--deep")[0].endswith("no damage found")
        write(path, b"x" * size)
        server.faults.append(registries.Fault(".*", "status", times=None, code=404))
        line = check(store, "--repair", status=1)[0]
        assert "it cannot be fetched again (" in line and line.endswith(f"proa rmi -f {name}")
    finally:
        server.stop()


# --- df


def disk_use(path):
    return int(subprocess.run(["du", "-s", "-B1", path], check=True, capture_output=True,
                              text=True).stdout.split()[0])


def df(user):
    rows = [json.loads(line) for line in user.ok("system", "df", "--format", "json").splitlines()]
    return {row["Type"]: row for row in rows}


def human(n):
    """docker's sizes: decimal units, three digits."""
    unit = 0
    while n >= 1000:
        n, unit = n / 1000, unit + 1
    return f"{float(f'{n:.3g}'):g}{('B', 'kB', 'MB', 'GB')[unit]}"


def test_df_tells_bytes_of_the_disk(store):
    store.ok("run", "--name", "kept", "one:1", "sh", "-c",
             "dd if=/dev/zero of=/sparse bs=1 seek=50000000 count=1; dd if=/dev/zero of=/f bs=1k count=300; ln /f /g")
    rows = df(store)
    blobs, layers = place(store, "blobs/sha256"), place(store, "layers")
    total = sum(disk_use(os.path.join(d, n)) for d in (blobs, layers) for n in os.listdir(d))
    assert rows["Images"]["TotalCount"] == "2" and rows["Images"]["Active"] == "1"
    assert rows["Images"]["Size"] == human(total)
    ident = os.listdir(place(store, "containers"))[0]
    used = disk_use(place(store, "containers", ident))
    assert used < 2000000  # holes and hard links
    assert rows["Containers"] == {"Type": "Containers", "TotalCount": "1", "Active": "0",
                                  "Size": human(used), "Reclaimable": f"{human(used)} (100%)"}
    assert rows["Build Cache"]["Size"] == "0B"
    freed = rows["Images"]["Reclaimable"].split(" ")[0]
    before = disk_use(blobs) + disk_use(layers)
    out = store.ok("image", "prune", "-a", "-f")
    assert out.splitlines()[-1] == f"Total reclaimed space: {freed}"
    assert human(before - disk_use(blobs) - disk_use(layers)) == freed
    assert df(store)["Images"]["Reclaimable"] == "0B (0%)"
    out = store.ok("container", "prune", "-f").splitlines()
    assert out == ["Deleted Containers:", ident, "", f"Total reclaimed space: {human(used)}"]


def test_df_in_its_forms(store):
    store.ok("create", "--name", "idle", "two:1")
    lines = store.ok("system", "df").splitlines()
    assert lines[0].split() == ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]
    assert [line[:16].strip() for line in lines[1:]] == [
        "Images", "Containers", "Local Volumes", "Build Cache"]
    assert store.ok("system", "df", "--format", "{{.Type}} {{.TotalCount}}").splitlines()[0] == "Images 2"
    out = store.ok("system", "df", "-v")
    assert out.startswith("Images space usage:\n\nREPOSITORY ")
    assert "\n\nContainers space usage:\n\nCONTAINER ID " in out
    doc = json.loads(store.ok("system", "df", "-v", "--format", "json"))
    by_name = {row["Repository"]: row for row in doc["Images"]}
    assert by_name["one"]["SharedSize"] == by_name["two"]["SharedSize"]
    assert by_name["two"]["Containers"] == "1" and doc["Containers"][0]["Names"] == "idle"


# --- prune


def test_prune_asks(store):
    for argv, warning in (
            (["image", "prune"], "WARNING! This will remove all dangling images."),
            (["image", "prune", "-a"], "WARNING! This will remove all images without at least "
                                       "one container associated to them."),
            (["container", "prune"], "WARNING! This will remove all stopped containers."),
            (["system", "prune"], "WARNING! This will remove:\n  - all stopped containers\n"
                                  "  - all dangling images\n  - all unfinished downloads\n")):
        for answer in ("n\n", "", "yes\n", "\n"):
            done = store.proa(*argv, stdin_text=answer)
            assert (done.returncode, done.stdout) == (0, "Total reclaimed space: 0B\n")
            assert done.stderr == f"{warning}\nAre you sure you want to continue? [y/N] "
    assert len(store.ok("images", "-q").split()) == 2
    done = store.proa("image", "prune", "-a", stdin_text="y\n")
    assert done.returncode == 0 and "Deleted Images:\n" in done.stdout
    assert store.ok("images", "-q") == ""


def test_image_prune_takes_what_has_no_tag(store, archives):
    ids = {name: json.loads(store.ok("inspect", name))[0]["Id"] for name in ("one:1", "two:1")}
    assert store.ok("image", "prune", "-f") == "Total reclaimed space: 0B\n"
    store.ok("tag", "one:1", "two:1")  # the old two:1 loses its name
    assert store.ok("image", "prune", "-f", "--filter", "label=kind=other") == "Total reclaimed space: 0B\n"
    assert store.ok("image", "prune", "-f", "--filter", "label!=kind") == "Total reclaimed space: 0B\n"
    assert store.ok("image", "prune", "-f", "--filter", "until=2000-01-01") == "Total reclaimed space: 0B\n"
    lines = store.ok("image", "prune", "-f", "--filter", "label=kind", "--filter", "until=1h").splitlines()
    assert lines[:2] == ["Deleted Images:", f"deleted: {ids['two:1']}"]
    assert lines[-2] == "" and re.fullmatch(r"Total reclaimed space: \d.*kB", lines[-1])
    assert sorted(store.ok("images", "--format", "{{.Repository}}").split()) == ["one", "two"]
    assert check(store, "--deep")[0].endswith("no damage found")


def test_prune_leaves_images_of_containers(store):
    store.ok("create", "--name", "idle", "one:1")
    out = store.ok("image", "prune", "-a", "-f")
    assert "untagged: two:1\n" in out and "untagged: one:1\n" not in out
    out = store.ok("system", "prune", "-a", "-f").splitlines()
    assert out[0] == "Deleted Containers:" and "untagged: one:1" in out
    assert store.ok("images", "-q") == "" and os.listdir(place(store, "layers")) == []
    assert check(store)[0] == "Checked 0 images, 0 layers, 0 blobs, 0 containers: no damage found"


def test_prune_and_running_containers(store):
    running = store.popen(store.command("run", "--name", "up", "one:1", "sh", "-c",
                                        "echo up; exec sleep 60"),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert running.stdout.readline() == "up\n"
    try:
        store.ok("system", "prune", "-a", "-f")
        assert store.ok("ps", "--format", "{{.Names}}") == "up\n"
        assert store.ok("images", "--format", "{{.Repository}}") == "one\n"
    finally:
        store.ok("rm", "-f", "up")
        running.wait(10)


def test_prune_drops_unfinished_downloads(store):
    path = place(store, "ingest", "e" * 64)
    with open(path, "wb") as f:
        f.write(b"x" * 100000)
    os.chown(path, os.stat(store.store).st_uid, os.stat(store.store).st_gid)
    store.ok("image", "prune", "-f")
    assert os.path.exists(path)
    assert store.ok("system", "prune", "-f") == "Total reclaimed space: 102kB\n"
    assert not os.path.exists(path)


@pytest.mark.parametrize("value,text", [
    ("until=soon", "invalid filter 'until=soon': a moment (2006-01-02T15:04:05) or how long ago "
                   "(24h) is wanted"),
    ("color=red", "invalid filter 'color=red': known are label, label!, until"),
    ("label", "invalid filter 'label': KEY=VALUE is wanted")])
def test_prune_filters_that_are_none(store, value, text):
    for argv in (["image", "prune"], ["container", "prune"], ["system", "prune"]):
        assert store.fails(1, *argv, "-f", "--filter", value) == f"proa: {' '.join(argv)}: {text}\n"


# --- the store as a thing


def test_a_newer_format_is_refused(store):
    write(place(store, "version"), b"2\n")
    for argv in (["images"], ["system", "check"], ["run", "one:1", "true"]):
        status = 125 if argv[0] == "run" else 1
        name = argv[0] if argv[0] != "system" else "system check"
        assert store.fails(status, *argv).startswith(
            f"proa: {name}: store: {store.store} has store format \"2\"; this proa knows only 1\n")
    write(place(store, "version"), b"1\n")
    assert check(store)[0].endswith("no damage found")


def test_a_store_can_be_moved(store):
    store.ok("run", "--name", "kept", "two:1", "sh", "-c", "echo here > /made")
    moved = store.store + "-moved"
    os.rename(store.store, moved)
    try:
        there = ["--root", moved, "--runroot", store.rundir]
        for argv, out in ((["images", "--format", "{{.Repository}}"], None),
                          (["run", "--rm", "two:1", "cat", "/etc/x"], "abc"),
                          (["start", "-a", "kept"], ""),
                          (["system", "check", "--deep"], None)):
            done = store.exec([store.binary, *there, *argv])
            assert done.returncode == 0, done.stderr
            assert out is None or done.stdout == out
        assert "no damage found" in done.stdout
    finally:
        os.rename(moved, store.store)
    assert check(store, "--deep")[0].endswith("no damage found")


def test_a_store_can_be_deleted(store, archives):
    store.ok("run", "--name", "kept", "two:1", "true")
    subprocess.run(["rm", "-rf", store.store], check=True)
    assert store.ok("images", "-q") == "" and store.ok("ps", "-aq") == ""
    store.ok("load", "-i", f"{archives}/one.tar")
    assert store.ok("run", "--rm", "one:1", "echo", "again") == "again\n"


def read_only(user, *args):
    """proa with its store on a read-only mount of a namespace of its own."""
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && shift 0 && exec "$@"'
    argv = ["unshare", "-m", "sh", "-c", script, user.store]
    if user.uid:
        argv += ["setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups"]
    return subprocess.run(argv + user.command(*args), env=user.env, cwd="/", text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=60)


def test_a_read_only_store(store, archives):
    store.ok("create", "--name", "kept", "two:1")
    for argv in (["images"], ["ps", "-a"], ["inspect", "two:1"], ["inspect", "kept"],
                 ["system", "df"], ["system", "check"], ["system", "check", "--deep"]):
        done = read_only(store, *argv)
        assert done.returncode == 0, (argv, done.stderr)
    text = f"the store {store.store} is on a read-only file system\n"
    for argv in (["run", "one:1", "true"], ["tag", "one:1", "x"], ["rmi", "one:1"],
                 ["load", "-i", f"{archives}/one.tar"], ["rm", "kept"], ["image", "prune", "-a", "-f"]):
        done = read_only(store, *argv)
        assert done.returncode == (125 if argv[0] == "run" else 1)
        assert done.stderr.endswith(text), (argv, done.stderr)
    assert check(store, "--deep")[0].endswith("no damage found")
