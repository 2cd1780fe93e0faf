"""history, untag, tag, image exists and tree, formats of images, inspect and ps."""
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import time

import pytest

import images

# None of it depends on the map but sizes and inspect, which test_images.py looks at as all three.
one_user = pytest.mark.parametrize("user", ["sub"], indirect=True)


def layer(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


BASE = images.busybox_tar()
LAYERS = [BASE, layer("etc/motd", b"hello\n")]
HISTORY = [
    {"created": "2024-01-01T00:00:00Z", "created_by": "/bin/sh -c #(nop) ADD file:" + "0" * 64
     + "\tin / ", "comment": "buildkit"},
    {"created": "2024-02-03T04:05:06.7Z", "created_by": "ENV A=ä", "empty_layer": True},
    {"created": "2024-03-01T00:00:00Z", "created_by": "RUN echo hello > /etc/motd"}]


def image_config(layers, history):
    doc = json.loads(images.image_config(layers, Labels={"com.x.role": "web, front"}))
    doc["history"] = history
    return json.dumps(doc).encode()


def docker_archive(path, tags, layers, history):
    """As images.docker_archive, with a history."""
    config = image_config(layers, history)
    with tarfile.open(path, "w") as tar:
        for name, data in [("c.json", config), *((f"{i}.tar", data)
                                                 for i, data in enumerate(layers)),
                           ("manifest.json", json.dumps([{
                               "Config": "c.json", "RepoTags": tags,
                               "Layers": [f"{i}.tar" for i in range(len(layers))]}]).encode())]:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    os.chmod(path, 0o644)
    return images.digest(config)


@pytest.fixture
def stored(user, scratch):
    """box:1, box:2 and q.io/box:1 of two layers and three steps; base:1 of the lower layer."""
    place = os.path.join(user.store, "images")
    if os.path.isdir(place) and os.listdir(place):
        user.ok("rmi", "--all", "--force")
    path = os.path.join(scratch, f"commands-{time.monotonic_ns()}")
    os.makedirs(path)
    user.id = docker_archive(f"{path}/a.tar", ["box:1", "box:2", "q.io/box:1"], LAYERS, HISTORY)
    user.base_id = docker_archive(f"{path}/b.tar", ["base:1"], LAYERS[:1], HISTORY[:1])
    user.ok("load", "-i", f"{path}/a.tar")
    user.ok("load", "-i", f"{path}/b.tar")
    shutil.rmtree(path)
    yield user
    user.ok("rmi", "--all", "--force")
    assert user.leftovers() == []


def names(user, *args):
    rows = [json.loads(line) for line in user.ok("images", "--json", *args).splitlines()]
    return sorted(f"{r['Repository']}:{r['Tag']}" for r in rows)


SIZE = f"{(os.path.getsize(images.BUSYBOX) + len(images.PASSWD) + len(images.GROUP))}"


# history


@one_user
def test_history(stored):
    lines = stored.ok("history", "box:1").splitlines()
    assert [re.split(" {3,}", line.strip()) for line in lines][0] == [
        "IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"]
    assert re.fullmatch(
        stored.id[7:19] + r"   \d+ \w+ ago   RUN echo hello > /etc/motd +6B", lines[1])
    assert re.fullmatch(r"<missing>      \d+ \w+ ago   ENV A=ä +0B", lines[2])
    assert re.fullmatch(r"<missing>      \d+ \w+ ago   /bin/sh -c #\(nop\) ADD file:0{17}…   "
                        r"[\d.]+MB +buildkit", lines[3])
    assert len(lines) == 4


@one_user
def test_history_in_full(stored):
    out = stored.ok("history", "--no-trunc", "-H=false", "--format",
                    "{{.ID}}|{{.CreatedAt}}|{{.CreatedSince}}|{{.CreatedBy}}|{{.Size}}|"
                    "{{.Comment}}", "box:1").splitlines()
    assert out == [
        f"{stored.id}|2024-03-01T00:00:00Z|2024-03-01T00:00:00Z|RUN echo hello > /etc/motd|6|",
        "<missing>|2024-02-03T04:05:06Z|2024-02-03T04:05:06Z|ENV A=ä|0|",
        "<missing>|2024-01-01T00:00:00Z|2024-01-01T00:00:00Z|"
        f"/bin/sh -c #(nop) ADD file:{'0' * 64} in / |{SIZE}|buildkit"]
    heading = stored.ok("history", "--human=false", "box:1").split("\n", maxsplit=1)[0]
    assert re.split(" {3,}", heading) == ["IMAGE", "CREATED AT", "CREATED BY", "SIZE", "COMMENT"]


@one_user
def test_history_for_scripts(stored):
    assert stored.ok("history", "-q", "box:1") == f"{stored.id[7:19]}\n<missing>\n<missing>\n"
    assert stored.ok("image", "history", "-q", "--no-trunc", "base:1") == stored.base_id + "\n"
    rows = [json.loads(line) for line in stored.ok("history", "--json", "box:1").splitlines()]
    assert sorted(rows[0]) == ["Comment", "CreatedAt", "CreatedBy", "CreatedSince", "ID", "Size"]
    assert (rows[1]["CreatedBy"], rows[1]["Size"]) == ("ENV A=ä", "0B")
    assert stored.fails(1, "history", "absent") == (
        "proa: history: No such image: absent:latest\n")


@one_user
def test_history_that_the_config_does_not_tell(user, scratch):
    path = os.path.join(scratch, f"plain-{time.monotonic_ns()}.tar")
    expected = docker_archive(path, ["plain:1"], LAYERS, [])
    user.ok("load", "-i", path)
    os.unlink(path)
    rows = [json.loads(line) for line in user.ok("history", "--json", "plain:1").splitlines()]
    assert [(r["ID"], r["Size"]) for r in rows][0] == (expected[7:19], "6B")
    assert len(rows) == 2
    user.ok("rmi", "plain:1")


# image tree and exists


@one_user
def test_tree(stored):
    out = stored.ok("image", "tree", "box:1").splitlines()
    assert out[:2] == [f"Image ID: {stored.id[7:19]}", "Tags:     [box:1 box:2 q.io/box:1]"]
    assert re.fullmatch(r"Size:     [\d.]+MB", out[2])
    assert out[3] == "Image Layers"
    low = images.digest(BASE)[7:19]
    assert re.fullmatch(rf"├── ID: {low} Size: +[\d.]+MB Top Layer of: \[base:1\]", out[4])
    assert re.fullmatch(
        r"└── ID: [0-9a-f]{12} Size:      6B Top Layer of: \[box:1 box:2 q.io/box:1\]", out[5])
    assert len(out) == 6


@one_user
def test_tree_of_what_requires_an_image(stored):
    out = stored.ok("image", "tree", "--whatrequires", "base:1").splitlines()
    assert out[4].startswith("└── ID: " + images.digest(BASE)[7:19])
    assert out[5].startswith("    └── ID: ")
    assert out[5].endswith(" Top Layer of: [box:1 box:2 q.io/box:1]")


@one_user
def test_tree_has_podmans_lines(stored, scratch):
    """The same header and layers; podman's own ids of layers are its store's."""
    if not shutil.which("podman"):
        pytest.skip("podman is not installed")
    path = os.path.join(scratch, "tree.tar")
    docker_archive(path, ["localhost/box:1"], LAYERS, HISTORY)
    podman = ["podman", "--root", f"{scratch}/pr", "--runroot", f"{scratch}/pn",
              "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs",
              "--events-backend", "file"]
    subprocess.run([*podman, "load", "-q", "-i", path], check=True, capture_output=True)
    theirs = subprocess.run([*podman, "image", "tree", "localhost/box:1"], check=True,
                            capture_output=True, text=True).stdout.splitlines()
    stored.ok("load", "-i", path)
    ours = stored.ok("image", "tree", "localhost/box:1").splitlines()
    stored.ok("rmi", "localhost/box:1")
    os.unlink(path)
    assert ours[0] == theirs[0]
    assert [line.split(":")[0] for line in ours[:3]] == [line.split(":")[0] for line in theirs[:3]]
    assert ours[3] == theirs[3]
    shape = r"(├──|└──) ID: [0-9a-f]{12} Size: +[\d.]+[kM]?B( Top Layer of: \[.*\])?"
    assert [bool(re.fullmatch(shape, line)) for line in ours[4:]] == [True, True]
    assert [bool(re.fullmatch(shape, line.replace("\u00a0", " "))) for line in theirs[4:]
            if line] == [True, True]


@one_user
def test_exists(stored):
    for name in ("box:1", "docker.io/library/box:2", stored.id, stored.base_id[7:17]):
        assert stored.ok("image", "exists", name) == ""
    done = stored.proa("image", "exists", "absent")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    assert stored.fails(125, "image", "exists", "Bad").startswith(
        "proa: image exists: invalid reference format")


# names


@one_user
def test_untag(stored):
    assert stored.ok("untag", "box:1", "box:2", "q.io/box:1") == ""
    assert names(stored) == ["base:1", "box:1"]
    assert stored.fails(1, "untag", "box:1", "base:1") == (
        f"proa: untag: base:1 is no name of image {stored.id[7:19]}\n")
    assert stored.fails(1, "untag", "absent") == "proa: untag: No such image: absent:latest\n"
    stored.ok("image", "untag", "box:1")
    assert names(stored) == ["<none>:<none>", "base:1"]
    # Nothing is lost: it runs, it can be named again, and it goes with rmi.
    stored.ok("tag", stored.id, "again:1")
    assert names(stored) == ["again:1", "base:1"]
    assert stored.ok("run", "--rm", "again:1", "cat", "/etc/motd") == "hello\n"


@one_user
def test_untag_changes_all_or_nothing(stored):
    stored.fails(1, "untag", "box:1", "box:2", "base:1")
    assert names(stored) == ["base:1", "box:1", "box:2", "q.io/box:1"]


@one_user
def test_tag_by_several_names(stored):
    stored.ok("tag", "base:1", "one:1", "two", "r.io/three:3")
    assert names(stored, "one") + names(stored, "two") == ["one:1", "two:latest"]
    assert stored.fails(1, "tag", "base:1", "four:1", "Five").startswith(
        "proa: tag: invalid reference format")
    assert "four:1" not in names(stored)


@one_user
def test_tag_onto_itself(stored):
    before = stored.ok("inspect", "box:1")
    stored.ok("tag", "box:1", "box:1")
    stored.ok("tag", stored.id, "box:1")
    assert stored.ok("inspect", "box:1") == before


@one_user
def test_rmi_all_takes_images_with_several_names(stored):
    out = stored.ok("rmi", "--all")
    assert f"Deleted: {stored.id}\n" in out
    assert names(stored) == []


# output


@one_user
@pytest.mark.parametrize("order, expected", [
    ("created", ["base:1", "box:1", "box:2", "q.io/box:1"]),
    ("repository", ["base:1", "box:1", "box:2", "q.io/box:1"]),
    ("tag", ["base:1", "box:1", "q.io/box:1", "box:2"]),
    ("size", ["base:1", "box:1", "box:2", "q.io/box:1"]),
])
def test_sorted(stored, order, expected):
    assert stored.ok("images", "--sort", order, "--format",
                     "{{.Repository}}:{{.Tag}}").split() == expected


@one_user
def test_no_heading(stored):
    lines = stored.ok("images", "-n", "box:1").splitlines()
    assert len(lines) == 1 and lines[0].startswith("box ")
    assert stored.ok("images", "--noheading", "--format", "table {{.Tag}}", "box:2") == "2\n"


@one_user
def test_globs(stored):
    assert names(stored, "b*") == ["base:1", "box:1", "box:2"]
    assert names(stored, "b*:2") == ["box:2"]
    assert names(stored, "q.io/*") == ["q.io/box:1"]


@one_user
def test_inspect_refuses_what_no_document_has(stored):
    assert stored.fails(1, "inspect", "-f", "{{.Nope}}", "box:1") == (
        'proa: inspect: template parsing error: template: :1:2: executing "" at <.Nope>: '
        'map has no entry for key "Nope"\n')
    assert stored.fails(1, "inspect", "-f", "{{.Config.Nope}}", "box:1") == (
        'proa: inspect: template parsing error: template: :1:9: executing "" at <.Config.Nope>: '
        'map has no entry for key "Nope"\n')
    assert stored.ok("inspect", "-f", "{{if .Config.Healthcheck}}x{{end}}{{.Config.Labels.no}}",
                     "box:1") == "<no value>\n"


@one_user
def test_labels_of_containers(stored):
    stored.ok("create", "--name", "labelled", "-l", "a.b=x,y", "-l", "c=", "box:1")
    try:
        assert stored.ok("ps", "-a", "--format", '{{.Names}}={{.Label "a.b"}}={{.Label "c"}}='
                         '{{.Label "none"}}') == "labelled=x,y==\n"
        table = stored.ok("ps", "-a", "--format", 'table {{.Names}}\t{{.Label "a.b"}}')
        assert [line.split() for line in table.splitlines()] == [
            ["NAMES", "b"], ["labelled", "x,y"]]
        row = json.loads(stored.ok("ps", "-a", "--json"))
        assert row["Labels"] == "com.x.role=web, front,a.b=x,y,c="
        assert all(key.isalpha() for key in row)
    finally:
        stored.ok("rm", "labelled")


@one_user
def test_size_and_mounts_of_containers(stored):
    stored.ok("run", "--name", "sized", "-v", "/etc/hostname:/y:ro", "box:1", "sh", "-c",
              "echo hello > /f")
    try:
        assert stored.ok("ps", "-a", "--format", "{{.Mounts}} {{.LocalVolumes}}") == (
            "/etc/hostname 0\n")
        size = stored.ok("ps", "-a", "--format", "{{.Size}}")
        assert re.fullmatch(r"6B \(virtual [\d.]+MB\)\n", size)
        lines = stored.ok("ps", "-a", "--size").splitlines()
        assert lines[0].endswith("NAMES     SIZE")
        assert lines[1].endswith("sized     " + size.strip())
        assert json.loads(stored.ok("ps", "-a", "--json"))["Size"] == "0B"
        doc = json.loads(stored.ok("inspect", "--size", "sized"))[0]
        assert (doc["SizeRw"], doc["SizeRootFs"] > int(SIZE)) == (6, True)
        assert "SizeRw" not in json.loads(stored.ok("inspect", "sized"))[0]
    finally:
        stored.ok("rm", "sized")


@one_user
@pytest.mark.parametrize("args", [
    ("pull", "--platform", "foo", "x"), ("import", "--platform", "foo", "/dev/null")])
def test_platform_that_is_none(user, args):
    assert user.fails(1, *args) == (
        f'proa: {args[0]}: --platform: "foo": unknown operating system or architecture\n')


@one_user
def test_platform_of_a_run_that_is_none(stored):
    assert stored.fails(125, "run", "--rm", "--platform", "foo", "box:1") == (
        'proa: run: --platform: "foo": unknown operating system or architecture\n')
