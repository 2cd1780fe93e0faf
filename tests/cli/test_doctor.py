"""proa doctor: what it finds as each user, and what it says when something is taken away."""
import json
import os

import pytest

NAMES = {
    "kernel", "userns", "apparmor_userns", "proc", "sysfs", "mqueue", "seccomp", "landlock",
    "keyring", "lsm", "core_pattern", "store", "overlay", "layers", "run_dir", "subids",
    "newuidmap", "cgroup", "nofile", "inotify", "tun", "ping", "ports", "ca", "clock", "fuse",
    "binfmt"}


def probes(text):
    return {p["Name"]: p for p in json.loads(text)["Probes"]}


def test_containers_can_run(user):
    out = user.ok("doctor")
    assert out.endswith("0 missing: containers can run\n")
    assert max(len(line) for line in out.splitlines() if "/" not in line) <= 80
    groups = [line for line in out.splitlines() if line and not line.startswith(" ")]
    assert groups[:-1] == ["Kernel", "Confinement", "Storage", "Users and limits", "Network",
                           "Devices"]


def test_leaves_nothing(user):
    user.ok("doctor")
    assert user.leftovers() == []


def test_json_agrees_with_itself(user):
    doc = json.loads(user.ok("doctor", "--json"))
    assert set(doc) == {"CanRun", "Ok", "Degraded", "Missing", "Probes"}
    assert {p["Name"] for p in doc["Probes"]} == NAMES
    for state in ("ok", "degraded", "missing"):
        count = sum(p["State"] == state for p in doc["Probes"])
        assert doc[state.capitalize()] == count
    for p in doc["Probes"]:
        assert set(p) == {"Name", "Title", "Group", "State", "Required", "Detail", "Instead",
                          "Fix", "Call", "Errno"}
        assert p["Detail"], p
        assert bool(p["Instead"]) == (p["State"] != "ok"), p
        assert p["State"] == "ok" or p["Fix"], p
    assert doc["CanRun"] is True


def test_template(user):
    assert user.ok("doctor", "--format", "{{.CanRun}} {{.Missing}}") == "true 0\n"


def test_subordinate_ids(user):
    found = probes(user.ok("doctor", "--json"))
    want = {"root": ("ok", "not needed: root has all ids"), "sub": ("ok", "65536 ids from 700000"),
            "nosub": ("degraded", None)}[user.kind]
    assert found["subids"]["State"] == want[0]
    if want[1]:
        assert found["subids"]["Detail"] == want[1]
    else:
        assert found["subids"]["Fix"] == (
            "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + user.name)


def test_run_directory(people):
    user = people["nosub"]
    for value in ("", "/tmp"):
        found = probes(user.ok("doctor", "--json", env={"XDG_RUNTIME_DIR": value}))
        assert found["run_dir"]["State"] == "degraded"
        assert f"export XDG_RUNTIME_DIR=/run/user/{user.uid}" in found["run_dir"]["Fix"]


def test_no_place_for_the_store(people):
    user = people["nosub"]
    done = user.proa("--root", "/proc/nowhere", "doctor", "--json")
    assert done.returncode == 1
    found = probes(done.stdout)
    assert found["store"]["State"] == found["overlay"]["State"] == "missing"
    assert json.loads(done.stdout)["CanRun"] is False


def inside(user, script):
    """doctor --json as the same user in a user namespace of ours, after a script with rights."""
    command = " ".join(user.command("doctor", "--json"))
    return user.exec(["unshare", "--user", "--map-current-user", "--keep-caps", "--mount",
                      "sh", "-c", f"{script} && {command}"])


@pytest.fixture
def plain_user(people):
    user = people["nosub"]
    if user.exec(["unshare", "--user", "--map-current-user", "--keep-caps", "true"]).returncode:
        pytest.skip("util-linux is too old for unshare --keep-caps")
    return user


def test_no_user_namespaces(plain_user):
    done = inside(plain_user, "echo 0 > /proc/sys/user/max_user_namespaces")
    assert done.returncode == 1, done.stderr
    found = probes(done.stdout)["userns"]
    assert (found["State"], found["Call"], found["Errno"]) == (
        "missing", "unshare(CLONE_NEWUSER)", 28)
    assert found["Fix"] == "sudo sysctl -w user.max_user_namespaces=15000"
    assert "only root can start containers" in found["Instead"]


def test_masked_proc(plain_user):
    done = inside(plain_user, "mount -t tmpfs none /proc/fs")
    assert done.returncode == 0, done.stderr
    found = probes(done.stdout)["proc"]
    assert (found["State"], found["Errno"]) == ("degraded", 1)
    assert "systempaths=unconfined" in found["Fix"]


def test_overlay_on_overlay(plain_user, scratch):
    """A store on a file system that cannot hold an upper directory."""
    base = os.path.join(scratch, "ovl")
    script = (f"mkdir -p {base}/l {base}/u {base}/w {base}/m && mount -t overlay -o "
              f"userxattr,lowerdir={base}/l,upperdir={base}/u,workdir={base}/w none {base}/m && "
              f"export XDG_DATA_HOME={base}/m")
    os.makedirs(base, exist_ok=True)
    os.chown(base, plain_user.uid, plain_user.gid)
    done = inside(plain_user, script)
    found = probes(done.stdout)
    assert found["store"]["Detail"].startswith("overlay, ")
    assert done.returncode == 1
    assert found["overlay"]["State"] == "missing"
    assert found["overlay"]["Call"] == "fsmount(overlay)"


def test_help_and_bad_flag(user):
    assert "proa doctor" in user.ok("doctor", "--help")
    assert user.fails(125, "doctor", "--nope").startswith("proa: doctor: unknown flag: --nope\n")
