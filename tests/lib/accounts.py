"""The three kinds of user that proa serves: root, one with subordinate ids, one without.

Accounts are made once for a test session, with homes of their own, and removed afterwards with
everything that their containers left behind.
"""
import fcntl
import os
import pwd
import re
import shutil
import signal
import subprocess

SUB_BASE = 700000
SUB_COUNT = 65536


class Account:
    """Runs programs as one user, with a home, a runtime directory and a clean environment."""

    def __init__(self, kind, name, binary, scratch):
        self.kind = kind  # "root", "sub" or "nosub"
        self.name = name
        entry = pwd.getpwnam(name)
        self.uid, self.gid = entry.pw_uid, entry.pw_gid
        self.binary = binary
        self.home = os.path.join(scratch, name)
        self.runtime = os.path.join(scratch, f"run-{name}")
        for directory in (self.home, self.runtime):
            os.makedirs(directory, mode=0o700)
            os.chown(directory, self.uid, self.gid)

    @property
    def env(self):
        return {
            "HOME": self.home,
            "USER": self.name,
            "LOGNAME": self.name,
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "XDG_RUNTIME_DIR": self.runtime,
            "LANG": "C.UTF-8",
        }

    @property
    def store(self):
        """Where this account's store is."""
        return os.path.join(self.home, ".local/share/proa")

    @property
    def rundir(self):
        return os.path.join(self.runtime, "proa")

    def command(self, *args):
        """argv of proa; root's store is put into its test home, too."""
        places = ["--root", self.store, "--runroot", self.rundir] if self.kind == "root" else []
        return [self.binary, *places, *map(str, args)]

    def _identity(self):
        if self.uid == 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def popen(self, argv, env=None, **kw):
        kw.setdefault("cwd", self.home)
        return subprocess.Popen(argv, env={**self.env, **(env or {})}, **self._identity(), **kw)

    def exec(self, argv, env=None, stdin_text=None, timeout=120, **kw):
        """Run any program as this user; text in, text out."""
        kw.setdefault("cwd", self.home)
        if stdin_text is None:
            kw.setdefault("stdin", subprocess.DEVNULL)
        else:
            kw["input"] = stdin_text
        kw.setdefault("stdout", subprocess.PIPE)
        kw.setdefault("stderr", subprocess.PIPE)
        kw.setdefault("text", True)
        return subprocess.run(argv, env={**self.env, **(env or {})}, timeout=timeout,
                              **self._identity(), **kw)

    def proa(self, *args, **kw):
        return self.exec(self.command(*args), **kw)

    def ok(self, *args, **kw):
        """proa that has to succeed: its standard output."""
        done = self.proa(*args, **kw)
        assert done.returncode == 0, f"proa {' '.join(map(str, args))}: {done.stderr}"
        return done.stdout

    def fails(self, status, *args, **kw):
        """proa that has to fail with exactly this status: its standard error."""
        done = self.proa(*args, **kw)
        assert done.returncode == status, (
            f"proa {' '.join(map(str, args))}: exit {done.returncode}, not {status}: "
            f"{done.stderr}{done.stdout}")
        return done.stderr

    def leftovers(self):
        """What a finished command must not leave: run directories, unfinished trees, mounts."""
        found = []
        for place in (self.rundir, os.path.join(self.store, "tmp"),
                      os.path.join(self.store, "trash"), os.path.join(self.store, "containers")):
            if os.path.isdir(place):
                found += [os.path.join(place, n) for n in os.listdir(place) if n != "names"]
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            found += [line.strip() for line in f if self.home in line]
        return found


def _set_line(path, name, line):
    """Replace an account's line in /etc/subuid or /etc/subgid in one step; "" removes it."""
    with open("/run/lock/proa-test-accounts", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test sessions may run on one machine
        lines = []
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                lines = [old for old in f if not old.startswith(name + ":")]
        with open(path + ".proa-test", "w", encoding="utf-8") as f:
            f.writelines(lines + ([line] if line else []))
        os.chmod(path + ".proa-test", 0o644)
        os.replace(path + ".proa-test", path)


def make_user(name, ranges):
    remove_user(name)
    subprocess.run(["useradd", "--no-create-home", "--home-dir", "/nonexistent",
                    "--shell", "/bin/sh", name], check=True, capture_output=True)
    for path in ("/etc/subuid", "/etc/subgid"):
        _set_line(path, name, f"{name}:{SUB_BASE}:{SUB_COUNT}\n" if ranges else "")


def kill_processes(uid):
    """End what a failed test left running under a test account's own id."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}").st_uid == uid:
                os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass


def remove_user(name):
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        return
    kill_processes(uid)
    subprocess.run(["userdel", "--force", name], check=True, capture_output=True)
    for path in ("/etc/subuid", "/etc/subgid"):
        _set_line(path, name, "")


def remove_orphans():
    """Accounts of test sessions that were killed: their number is a process that is gone."""
    for entry in pwd.getpwall():
        match = re.fullmatch(r"proat(\d+)c?[sn]", entry.pw_name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            remove_user(entry.pw_name)


def remove_tree(path):
    """As root: layers hold files of subordinate ids and read-only directories."""
    shutil.rmtree(path, ignore_errors=True)
