"""The driver tests/runtime/run_tool.c, and root file systems for it."""
import glob
import os
import shutil
import stat

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
APPLETS = """sh ls cat id mount ps echo true sleep stat touch readlink dd env hostname ip kill
head wc grep test mkdir mknod unshare tty rm chmod sort tr sha256sum false pwd chown""".split()
PASSWD = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1001::/home/alice:/bin/sh\n"
GROUP = "root:x:0:\nalice:x:1001:\nstaff:x:50:alice\n"


def find_tool():
    """RUN_TOOL, else the newest one of the build directories beside the sources."""
    if os.environ.get("RUN_TOOL"):
        return os.environ["RUN_TOOL"]
    found = glob.glob(os.path.join(HERE, "../../build*/tests/runtime/run_tool"))
    return max(found, key=os.path.getmtime) if found else None


def make_rootfs(path):
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp", "root", "home/alice"):
        os.makedirs(os.path.join(path, name))
    shutil.copy("/bin/busybox", os.path.join(path, "bin/busybox"))
    for name in APPLETS:
        os.symlink("busybox", os.path.join(path, "bin", name))
    os.chmod(os.path.join(path, "tmp"), 0o1777)
    write(os.path.join(path, "etc/passwd"), PASSWD)
    write(os.path.join(path, "etc/group"), GROUP)
    write(os.path.join(path, "etc/plain"), "plain\n")
    return path


def write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


class Box:
    """One account with a root file system of its own that tests may spoil."""

    def __init__(self, user, tool, number):
        self.user = user
        self.tool = tool
        self.dir = os.path.join(user.home, f"box{number}")
        os.makedirs(self.dir)
        self.root = make_rootfs(os.path.join(self.dir, "root"))
        self.canary = os.path.join(self.dir, "canary")
        os.makedirs(self.canary)
        write(os.path.join(self.canary, "secret"), "host\n")
        self.own(self.dir)

    def own(self, top):
        for base, dirs, files in os.walk(top):
            for name in [".", *dirs, *files]:
                os.chown(os.path.join(base, name), self.user.uid, self.user.gid,
                         follow_symlinks=False)

    def path(self, *names):
        return os.path.join(self.root, *names)

    def link(self, target, name):
        """Replace what is at that name of the root by a symbolic link."""
        path = self.path(name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)
        os.symlink(target, path)

    def argv(self, *args):
        return [self.tool, *args]

    def run(self, *options, command=("true",), **kw):
        return self.user.exec(self.argv(*options, self.root, *command), **kw)

    def sh(self, script, *options, **kw):
        """Standard output of a script that has to succeed."""
        done = self.run(*options, command=("/bin/sh", "-c", script), **kw)
        assert done.returncode == 0, (done.returncode, done.stderr, done.stdout)
        assert done.stderr == ""
        return done.stdout

    def fails(self, status, text, *options, command=("true",), **kw):
        done = self.run(*options, command=command, **kw)
        assert done.returncode == status, (done.returncode, done.stderr, done.stdout)
        assert text in done.stderr, done.stderr
        return done.stderr

    def snapshot(self):
        """Names, types, owners, modes and content below the canary directory."""
        seen = []
        for base, dirs, files in os.walk(self.canary):
            for name in sorted([*dirs, *files]):
                path = os.path.join(base, name)
                st = os.lstat(path)
                text = open(path, "rb").read() if stat.S_ISREG(st.st_mode) else b""
                seen.append((path, st.st_mode, st.st_uid, st.st_gid, text))
        return seen


@pytest.fixture(scope="session")
def run_tool(scratch):
    source = find_tool()
    if not source:
        pytest.skip("tests/runtime/run_tool is not built: meson setup build && ninja -C build")
    directory = os.path.join(scratch, "run_tool.d")
    os.makedirs(directory)
    return shutil.copy(source, os.path.join(directory, "run_tool"))


@pytest.fixture
def box(user, run_tool):
    """A fresh root file system; whatever is done in it, the canary beside it stays as it was."""
    number = len([n for n in os.listdir(user.home) if n.startswith("box")])
    b = Box(user, run_tool, number)
    before = b.snapshot()
    yield b
    assert b.snapshot() == before
