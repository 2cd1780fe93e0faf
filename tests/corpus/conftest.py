"""The extractor, run as root, as a user with subordinate ids and as one without.

PROA_UNPACK_TOOL names the test driver; without it, it is looked for beside the binary that PROA
names and in the build folders of tools/test.
"""
import os
import pwd
import resource
import shutil
import stat
import subprocess
import sys
import tempfile

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
sys.path.insert(0, HERE)

import accounts  # noqa: E402  pylint: disable=wrong-import-position
import make  # noqa: E402  pylint: disable=wrong-import-position

NAMES = {"root": "root", "sub": f"proat{os.getpid()}cs", "nosub": f"proat{os.getpid()}cn"}
DATA_LIMIT = 64 << 20


def tool_path():
    """The driver, or None."""
    if "PROA_UNPACK_TOOL" in os.environ:
        return os.environ["PROA_UNPACK_TOOL"]
    top = os.path.join(HERE, "..", "..")
    builds = [os.path.dirname(os.path.abspath(os.environ["PROA"]))] if "PROA" in os.environ else []
    for build in (*builds, *(os.path.join(top, b) for b in ("build", "build-gcc", "build-clang"))):
        path = os.path.join(build, "tests", "corpus", "unpack_tool")
        if os.path.exists(path):
            return path
    return None


class Result:
    """What the driver printed: kind is None, or the kind of error with its text."""

    def __init__(self, done):
        assert done.returncode in (0, 1), f"{done.returncode}: {done.stderr}{done.stdout}"
        lines = done.stdout.splitlines()
        self.kind = self.text = None
        self.values, self.warnings = {}, []
        if done.returncode:
            assert lines[0].startswith("error "), done.stdout
            self.kind, self.text = lines[0][6:], "\n".join(lines[1:])
            return
        for line in lines:
            key, _, value = line.partition(" ")
            if key == "warning":
                self.warnings.append(value)
            else:
                self.values[key] = value


class Unpacker:
    """Runs the driver as one account and shows trees with the ids that a container would see."""

    def __init__(self, kind, name, tool, scratch):
        self.kind, self.tool = kind, tool
        with open(tool, "rb") as f:
            self.sanitized = b"__asan_init" in f.read()  # wants more memory than the limit
        entry = pwd.getpwnam(name)
        self.uid, self.gid = entry.pw_uid, entry.pw_gid
        self.scratch = scratch
        self.count = 0

    def fresh(self):
        """A directory of the account's own, with an empty tree in it."""
        self.count += 1
        path = os.path.join(self.scratch, f"{self.kind}-{self.count}")
        for directory in (path, os.path.join(path, "tree")):
            os.mkdir(directory, 0o755)
            os.chown(directory, self.uid, self.gid)
        return path

    def run(self, *args, limit=DATA_LIMIT, timeout=120):
        def prepare():
            if limit and not self.sanitized:
                resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

        who = {} if self.uid == 0 else {
            "user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.run(
            [self.tool, *map(str, args)], capture_output=True, text=True, timeout=timeout,
            env={"PATH": "/usr/bin:/bin", "HOME": self.scratch}, errors="surrogateescape",
            preexec_fn=prepare, check=False, **who)

    def unpack(self, blob, *options, where=None, **kw):
        """Unpack bytes. Returns the result and the directory with tree/ and owners."""
        where = where or self.fresh()
        path = os.path.join(where, "blob")
        with open(path, "wb") as f:
            f.write(blob)
        os.chmod(path, 0o444)
        done = self.run("--owners", os.path.join(where, "owners"), *options, path,
                        os.path.join(where, "tree"), **kw)
        return Result(done), where

    def inside(self, uid, base):
        """Id on the host -> id in the container."""
        if self.kind == "root":
            return uid
        if uid == base:
            return 0
        assert self.kind == "sub", f"a file of {uid}"
        return uid - accounts.SUB_BASE + 1

    def tree(self, where):
        """Every path below tree/ as bytes -> Node."""
        top = os.path.join(os.fsencode(where), b"tree")
        nodes = {b".": Node(self, top)}
        for directory, dirs, files in os.walk(top):
            for name in dirs + files:
                path = os.path.join(directory, name)
                nodes[os.path.relpath(path, top)] = Node(self, path)
        return nodes

    def owners(self, where):
        """The recorded owners: path -> (uid, gid, mode, type, device)."""
        done = self.run("--list-owners", os.path.join(where, "owners"))
        assert done.returncode == 0, done.stdout
        found = {}
        for line in os.fsencode(done.stdout).split(b"\0")[:-1]:
            uid, gid, mode, kind, device, path = line.split(b" ", 5)
            found[path.decode(errors="surrogateescape")] = (
                int(uid), int(gid), int(mode, 8), kind.decode(), device.decode())
        return found


class Node:
    """One object of a tree."""

    def __init__(self, unpacker, path):
        st = os.lstat(path)
        self.mode, self.mtime_ns, self.size = stat.S_IMODE(st.st_mode), st.st_mtime_ns, st.st_size
        self.uid = unpacker.inside(st.st_uid, unpacker.uid)
        self.gid = unpacker.inside(st.st_gid, unpacker.gid)
        self.ino, self.nlink, self.blocks = st.st_ino, st.st_nlink, st.st_blocks
        self.rdev = (os.major(st.st_rdev), os.minor(st.st_rdev))
        self.data = self.target = None
        kinds = {stat.S_IFREG: "f", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFCHR: "c",
                 stat.S_IFBLK: "b", stat.S_IFIFO: "p"}
        self.kind = kinds[stat.S_IFMT(st.st_mode)]
        if self.kind == "f":
            with open(path, "rb") as f:
                self.data = f.read() if self.size < 64 << 20 else None
        if self.kind == "l":
            self.target = os.readlink(path)
        if self.kind == "c" and self.rdev == (0, 0):
            self.kind = "w"  # whiteout
        self.xattrs = {n: os.getxattr(path, n, follow_symlinks=False)
                       for n in os.listxattr(path, follow_symlinks=False)}


@pytest.fixture(scope="session")
def corpus():
    return make.build()


@pytest.fixture(scope="session")
def arena(tmp_path_factory):
    """A place that all accounts reach."""
    path = tempfile.mkdtemp(prefix="proa-corpus-", dir="/var/tmp")
    os.chmod(path, 0o755)
    yield path
    subprocess.run(["rm", "-rf", path], check=True)


@pytest.fixture(scope="session")
def unpackers(arena):
    if os.getuid() != 0:
        pytest.skip("three kinds of user: needs root")
    if not tool_path():
        pytest.fail("no unpack_tool: build it (ninja tests/corpus/unpack_tool)")
    tool = shutil.copy(tool_path(), os.path.join(arena, "unpack_tool"))
    accounts.make_user(NAMES["sub"], ranges=True)
    accounts.make_user(NAMES["nosub"], ranges=False)
    yield {kind: Unpacker(kind, name, tool, arena) for kind, name in NAMES.items()}
    accounts.remove_user(NAMES["sub"])
    accounts.remove_user(NAMES["nosub"])


@pytest.fixture(params=["root", "sub", "nosub"])
def unpacker(request, unpackers):
    return unpackers[request.param]
