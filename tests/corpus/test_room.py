"""What the extractor's three processes hold while they work: next to nothing."""
import os
import signal
import subprocess
import time

import make
import pytest

CAPS = {"chown": 0, "dac_override": 1, "fowner": 3, "fsetid": 4, "sys_admin": 21, "mknod": 27,
        "setfcap": 31}


def mask(*names):
    return sum(1 << CAPS[n] for n in names)


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def descriptors(pid):
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        found[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
    return found


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(x) for x in f.read().split()]


@pytest.fixture
def held(unpacker):
    """An extractor that has read half of its blob: (tool, untar, inflate, hash)."""
    where = unpacker.fresh()
    lower = unpacker.fresh()
    blob = make.tar(*(make.reg(f"f{i}", b"x" * 5000) for i in range(40)))
    with open(os.path.join(where, "blob"), "wb") as f:
        f.write(make.gz(blob, level=1))
    who = {} if unpacker.uid == 0 else {
        "user": unpacker.uid, "group": unpacker.gid, "extra_groups": []}
    secret = os.open("/etc/passwd", os.O_RDONLY)
    tool = subprocess.Popen(
        [unpacker.tool, "--hold", "--lower", os.path.join(lower, "tree"),
         os.path.join(where, "blob"), os.path.join(where, "tree")],
        env={"PATH": "/usr/bin:/bin", "HOME": "/", "TOKEN": "secret"}, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, pass_fds=(secret,), **who)
    os.close(secret)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        untar = children(tool.pid)
        others = children(untar[0]) if untar else []
        everyone = untar + others
        if len(others) == 2 and all(status(p)["Seccomp"] == "2" for p in everyone):
            break
        if len(others) == 2 and unpacker.sanitized and status(untar[0])["NoNewPrivs"] == "1":
            time.sleep(0.5)
            break
        time.sleep(0.02)
    yield tool, untar[0], *others
    if tool.poll() is None:
        tool.kill()
    tool.communicate()


def test_room_is_empty(unpacker, held):
    tool, untar, inflate, hasher = held
    want = mask("chown", "dac_override", "fowner", "fsetid", "setfcap")
    if unpacker.kind == "root":
        want |= mask("mknod", "sys_admin")
    for pid, caps in ((untar, want), (inflate, 0), (hasher, 0)):
        st = status(pid)
        assert int(st["CapEff"], 16) == int(st["CapPrm"], 16) == caps
        assert int(st["CapInh"], 16) == int(st["CapAmb"], 16) == 0
        assert st["NoNewPrivs"] == "1"
        assert st["Seccomp"] == ("0" if unpacker.sanitized else "2")
        with open(f"/proc/{pid}/environ", "rb") as f:
            assert f.read() == b""
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            assert f.read() == b"proa-extract\0"
        # its root and its directory are the tree, reached through a mount of its own
        assert not os.path.exists(f"/proc/{pid}/root/etc/passwd")
        assert os.stat(f"/proc/{pid}/root/.").st_ino == os.stat(f"/proc/{pid}/cwd/.").st_ino
    same_user = os.readlink(f"/proc/{untar}/ns/user") == os.readlink("/proc/self/ns/user")
    assert same_user == (unpacker.kind == "root")
    tool.stdin.close()
    tool.stdin = None
    out, _ = tool.communicate(timeout=60)
    assert tool.returncode == 0, out


def test_descriptors(held):
    _, untar, inflate, hasher = held
    have = descriptors(untar)
    kinds = {fd: path.split(":")[0] for fd, path in have.items()}
    # 0-2 /dev/null, 4 tree, 6 report, 8 owners, 9 the parent, and the pipe from the hasher
    assert sorted(kinds)[:7] == [0, 1, 2, 4, 6, 8, 9]
    assert all(have[fd] == "/dev/null" for fd in (0, 1, 8))
    assert kinds[6] == "pipe"
    rest = [kinds[fd] for fd in kinds if fd > 9]
    assert rest.count("pipe") == 1 and "socket" not in rest
    assert not any("passwd" in path or "blob" in path for path in have.values())
    have = descriptors(inflate)
    assert sorted(have)[:5] == [0, 1, 2, 3, 5] and len(have) == 6
    assert have[3].endswith("/blob") and have[5].startswith("socket:")
    have = descriptors(hasher)
    assert sorted(have)[:4] == [0, 1, 2, 7] and len(have) == 6
    assert sum(path.startswith("pipe:") for path in have.values()) == 3
    assert have[7] not in descriptors(untar).values()  # nobody else can name a diff id
    assert have[7] not in descriptors(inflate).values()


def test_blob_cannot_be_written(held):
    _, _, inflate, _ = held
    with open(f"/proc/{inflate}/fdinfo/3", encoding="ascii") as f:
        flags = [line for line in f if line.startswith("flags:")][0]
    assert int(flags.split()[1], 8) & 3 == os.O_RDONLY


def test_dies_with_its_caller(held):
    tool, *others = held
    tool.kill()
    tool.wait()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not any(os.path.exists(f"/proc/{pid}") for pid in others):
            return
        time.sleep(0.02)
    pytest.fail("the extractor outlives its caller")


def test_a_killed_inflater_is_an_error(held):
    tool, _, inflate, _ = held
    os.kill(inflate, signal.SIGKILL)
    tool.stdin.close()
    tool.stdin = None
    out, _ = tool.communicate(timeout=60)
    assert (tool.returncode, out) == (1, "error EPROTO\nthe decompressor was killed\n")


def test_a_killed_writer_is_an_error(held):
    tool, untar, _, _ = held
    os.kill(untar, signal.SIGKILL)
    tool.stdin.close()
    tool.stdin = None
    out, _ = tool.communicate(timeout=60)
    assert (tool.returncode, out) == (1, "error EPROTO\nextractor: killed by signal 9\n")


def test_a_killed_hasher_is_an_error(held):
    tool, _, _, hasher = held
    os.kill(hasher, signal.SIGKILL)
    tool.stdin.close()
    tool.stdin = None
    out, _ = tool.communicate(timeout=60)
    assert (tool.returncode, out) == (1, "error EPROTO\nthe hasher was killed\n")
