"""Fault injection for proa: the driver, prepared stores, and what has to hold after each fault.

    box = scene.box()                   a copy of the prepared store, with a home around it
    driver.run(box.command(...), ...)   the command with one fault
    box.verify(...)                     the invariants

A scene is one command on one prepared store. What a good run leaves is recorded once and compared
after each fault, down to the owners, times and attributes of every file of every layer.
"""

import errno
import fcntl
import functools
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

import powercut  # noqa: E402  pylint: disable=wrong-import-position

import images  # noqa: E402  pylint: disable=wrong-import-position
import registry as servers  # noqa: E402  pylint: disable=wrong-import-position
import registry_images  # noqa: E402  pylint: disable=wrong-import-position
import tree  # noqa: E402  pylint: disable=wrong-import-position

TIME_LIMIT = 20  # seconds for one command under the driver
ERRORS = ("ENOSPC", "EIO", "EMFILE", "EDQUOT")


def is_sanitized(path):
    """Then its runtime makes calls of its own, and looks for leaks, which tracing forbids."""
    with open(path, "rb") as f:
        return b"__asan_init" in f.read()


def built(name):
    """A program of this folder, from the build that PROA comes from or another one; or None."""
    top = os.path.join(HERE, "..", "..")
    builds = [os.path.dirname(os.path.abspath(os.environ["PROA"]))] if "PROA" in os.environ else []
    builds += [os.path.join(top, b) for b in ("build", "build-gcc", "build-clang")]
    for build in builds:
        path = os.path.join(build, "tests", "fault", name)
        if os.path.exists(path) and not is_sanitized(path):
            return path
    return None


def fast_place():
    """A directory for stores: in memory where there is room, for it is copied thousands of times."""
    return "/dev/shm" if os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK) and (
        shutil.disk_usage("/dev/shm").free > 1 << 30) else "/var/tmp"


class Outcome:
    """The command's end, and what the driver says about it."""

    def __init__(self, done, report, log):
        self.stdout, self.stderr, self.log = done.stdout, done.stderr, log
        self.driver_status = done.returncode
        facts = dict(line.split(" ", 1) if " " in line else (line, "") for line in report)
        assert "calls" in facts, f"the driver failed: {done.returncode} {done.stderr}"
        self.calls, self.processes, self.struck, self.left = (
            int(facts[k]) for k in ("calls", "processes", "struck", "left"))
        self.at = facts.get("at", "")
        self.exit = int(facts["exit"]) if "exit" in facts else None
        self.signal = int(facts["signal"]) if "signal" in facts else None
        self.timed_out = "timeout" in facts


@functools.lru_cache(maxsize=None)
def driver_path():
    return built("fault_driver")


def drive(argv, *options, env=None, cwd="/", limit=TIME_LIMIT, log=False, stdin=None):
    """Run argv under the driver, whatever comes of it."""
    with tempfile.TemporaryDirectory(prefix="proa-fault-") as place:
        report, logfile = os.path.join(place, "report"), os.path.join(place, "log")
        logging = ["-l", logfile] if log else []
        done = subprocess.run(
            [driver_path(), "-r", report, *logging, "-t", str(limit),
             *map(str, options), *map(str, argv)],
            env=env, cwd=cwd, stdin=stdin or subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=limit + 30, check=False)
        with open(report, encoding="utf-8", errors="replace") as f:
            lines = f.read().splitlines()
        entries = []
        if log:
            with open(logfile, encoding="utf-8", errors="replace") as f:
                entries = [LogEntry(line.rstrip("\n")) for line in f]
    return Outcome(done, lines, entries)


class LogEntry:
    """A call that ended: name, result, the inode that an open gave, names and inodes."""

    def __init__(self, line):
        name, result, opened, creates, *rest = line.split("\t")
        self.name, self.result, self.opened = name, int(result), int(opened)
        self.creates = creates == "1"
        self.inodes, self.paths = [int(i) for i in rest[0::2]], rest[1::2]

    def __repr__(self):
        return f"{self.name}({', '.join(p for p in self.paths if p)}) = {self.result}"


# --- what has to hold ---


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as f:
        for block in iter(lambda: f.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def names(*parts):
    path = os.path.join(*parts)
    return sorted(os.listdir(path)) if os.path.isdir(path) else []


def plain(name):
    """Without the mark of what is not synced yet."""
    return name.split("~")[0]


class Store:
    """Reads a store from outside, without any code of proa's."""

    def __init__(self, path):
        self.path = path

    def blob(self, digest):
        for name in names(self.path, "blobs/sha256"):
            if plain(name) == digest.split(":")[1]:
                return os.path.join(self.path, "blobs/sha256", name)
        return None

    def records(self):
        found = {}
        for name in names(self.path, "images"):
            with open(os.path.join(self.path, "images", name), encoding="utf-8") as f:
                found[name] = json.load(f)
            found[name].pop("created", None)
        return found

    def _closure(self, name, record, problems):
        """Manifest, config, layers by blob and by tree."""
        manifest = self.blob(record["manifest"])
        if not manifest:
            return problems.append(f"{name}: no manifest {record['manifest']}")
        with open(manifest, encoding="utf-8") as f:
            document = json.load(f)
        for child in document.get("manifests", []):
            if not self.blob(child["digest"]):
                problems.append(f"{name}: no manifest {child['digest']}")
        for part in [document.get("config"), *document.get("layers", [])]:
            if part and not self.blob(part["digest"]):
                problems.append(f"{name}: no blob {part['digest']}")
        return None

    def problems(self):
        """Broken references, wrong blobs, leftovers, locks that are held."""
        found = []
        for name in names(self.path, "blobs/sha256"):
            if sha256_of(os.path.join(self.path, "blobs/sha256", name)) != plain(name):
                found.append(f"blob {name} has other bytes")
        for name in names(self.path, "layers"):
            for part in ("fs", "meta.json"):
                if not os.path.exists(os.path.join(self.path, "layers", name, part)):
                    found.append(f"layer {name} has no {part}")
        for name, record in self.records().items():
            if name.startswith(".tmp."):
                found.append(f"images/{name} was left")
            else:
                self._closure(name, record, found)
        for place in ("tmp", "trash"):
            found += [f"{place}/{name} was left" for name in names(self.path, place)]
        for name in names(self.path, "names"):
            beginning = os.readlink(os.path.join(self.path, "names", name))
            if not any(c.startswith(beginning) for c in names(self.path, "containers")):
                found.append(f"names/{name} leads nowhere")
        return found + self._held_locks()

    def _held_locks(self):
        found = []
        for place in ("locks", "ingest", "tmp"):
            for name in names(self.path, place):
                fd = os.open(os.path.join(self.path, place, name), os.O_RDONLY | os.O_NOFOLLOW)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as e:
                    assert e.errno == errno.EWOULDBLOCK, e
                    found.append(f"{place}/{name} is locked")
                finally:
                    os.close(fd)
        return found

    def state(self):
        """What makes two stores equal: records, blobs, and every layer file by file."""
        layers = {}
        for name in names(self.path, "layers"):
            layers[plain(name)] = {
                path: text if path.startswith("fs") and not text.startswith("c---------")
                else re.sub(r"mtime=\d+", "", text)  # of no archive: when it was unpacked
                for path, text in tree.listing(os.path.join(self.path, "layers", name)).items()}
        return {"images": self.records(), "layers": layers,
                "blobs": {plain(n) for n in names(self.path, "blobs/sha256")},
                "containers": names(self.path, "containers")}


def state_difference(got, want, exact, same_bytes):
    """Lines; without `exact` more blobs and layers than wanted are no difference."""
    lines = []
    have, need = (x["images"] if same_bytes else [n for n in sorted(x["images"]) if n[0] != "@"]
                  for x in (got, want))
    if have != need:
        lines.append(f"images: got {have}, want {need}")
    if got["containers"] != want["containers"]:
        lines.append(f"containers: got {got['containers']}, want {want['containers']}")
    for kind in ("blobs", "layers") if same_bytes else ("layers",):
        have, need = set(got[kind]), set(want[kind])
        if need - have or (exact and have - need):
            lines.append(f"{kind}: missing {need - have}, more {have - need}")
    for name in set(got["layers"]) & set(want["layers"]):
        lines += [f"layer {name}: {line}" for line in
                  tree.difference(got["layers"][name], want["layers"][name])]
    return lines


def mounts_below(path):
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        return [line.strip() for line in f if path in line]


class Box:
    """A home with a store in it. `outside` is all of it but the store and the run directory."""

    def __init__(self, context, store, extra=None):
        self.context = context
        self.path = tempfile.mkdtemp(prefix="box-", dir=context.scratch)
        self.store = os.path.join(self.path, "store")
        if store:
            subprocess.run(["cp", "-a", store, self.store], check=True)
        for name in ("home", "home/run", "out", "tmp"):
            os.mkdir(os.path.join(self.path, name), 0o700)
        canary = os.path.join(self.path, "out", "canary")
        with open(canary, "w", encoding="utf-8") as f:
            f.write("canary\n")
        os.utime(canary, (1700000000, 1700000000))
        if extra:
            extra(self)
        self.env = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
            "HOME": os.path.join(self.path, "home"), "TMPDIR": os.path.join(self.path, "tmp"),
            "XDG_RUNTIME_DIR": os.path.join(self.path, "home/run"),
        }

    def command(self, *args):
        return [self.context.proa, "--root", self.store,
                "--runroot", os.path.join(self.path, "home/run/proa"), *map(str, args)]

    def run(self, *args):
        return subprocess.run(self.command(*args), env=self.env, cwd=self.path,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=60, check=False)

    def outside(self):
        return {p: text for p, text in tree.listing(self.path).items()
                if p.split("/")[0] not in ("store", ".") and not p.startswith("home/run")}

    def remove(self):
        shutil.rmtree(self.path)


class Scene:
    """One command on one prepared store."""

    def __init__(self, name, argv, prepare=None, **options):
        self.name, self.argv, self.prepare = name, argv, prepare
        self.extra = options.get("extra")  # more things in the box
        self.failure = options.get("failure", 1)  # exit status of a clean failure
        self.may_be_done = options.get("may_be_done", ())  # texts of a repetition that came late
        self.output = options.get("output")  # file below out/ that the command makes
        self.same_bytes = options.get("same_bytes", True)  # False: each run makes other blobs
        self.shares = options.get("shares", False)  # cases would get into each other's way
        self.after = options.get("after")  # more to look at after a good run: (box) -> lines
        self.base = self.wanted = None

    def set_up(self, context):
        """Make the store that every case begins with, and learn what a good run leaves."""
        if self.base is None and self.prepare:
            box = Box(context, None)
            self.prepare(box)
            self.base = os.path.join(context.scratch, f"base-{self.name}")
            os.rename(box.store, self.base)
            box.remove()
        box = self.box(context)
        self.outside = box.outside()
        done = box.run(*self.argv(box))
        assert done.returncode == 0, f"{self.name}: {done.returncode}: {done.stderr}"
        self.wanted = Store(box.store).state()
        problems = self.look(box, exact=True)
        assert not problems, f"{self.name}: even without a fault: {problems}"
        box.remove()

    def box(self, context):
        return Box(context, self.base, self.extra)

    def look(self, box, exact):
        """What a good run has to have left."""
        lines = state_difference(Store(box.store).state(), self.wanted, exact, self.same_bytes)
        return lines + (self.after(box) if self.after else [])


class Context:
    """What all cases share: the program, a place, a registry."""

    def __init__(self, proa, scratch):
        self.proa, self.scratch = proa, scratch
        self.registry = servers.Registry(pathlib.Path(scratch, "registry"))
        self.small = small_image()
        self.other = registry_images.Image([registry_images.Layer(small_layer()),
                                            registry_images.Layer({"other": b"other\n"})])
        self.registry.push("fault/small", "1", self.small)
        self.registry.push("fault/other", "1", self.other)
        self.archive = os.path.join(scratch, "small.tar")
        images.docker_archive(self.archive, ["small:1"],
                              layers=[layer.data for layer in self.small.layers])
        self.busybox = os.path.join(scratch, "busybox.tar")
        images.docker_archive(self.busybox, ["busybox:latest"])
        self.words = self._commands()

    def _commands(self):
        """Which commands this proa has."""
        wanted = {"system check": ("system", "check"), "image prune": ("image", "prune"),
                  "save": ("save",), "push": ("push",)}
        return {name for name, words in wanted.items()
                if subprocess.run([self.proa, *words, "--help"], capture_output=True,
                                  check=False).returncode == 0}

    def close(self):
        self.registry.stop()


def small_layer():
    """A little of everything that a layer may have."""
    return {
        "dir": (None, {"mode": 0o750, "uid": 10, "gid": 20}),
        "dir/file": (b"x" * 5000, {"mode": 0o4755}),
        "dir/gone": b"soon\n",
        "dir/link": (b"", {"type": b"2", "linkname": "file"}),
        "dir/hard": (b"", {"type": b"1", "linkname": "dir/file"}),
        "dir/attr": (b"a", {"pax_headers": {"SCHILY.xattr.user.k": "v"}}),
        "opaque": None,
        "opaque/below": b"below\n",
        "empty": b"",
    }


def small_image():
    return registry_images.Image([
        registry_images.Layer(small_layer()),
        registry_images.Layer({"dir": None, "dir/.wh.gone": b"", "dir/file": b"new\n",
                               "opaque": None, "opaque/.wh..wh..opq": b"",
                               "opaque/above": b"above\n"}),
        registry_images.Layer({"top": bytes(range(256)) * 400}, compression="zstd"),
    ])


# --- the cases ---


def case_options(kind):
    """Options of the driver for a kind of fault: "kill", "kill-after:changes", "ENOSPC:sticky"."""
    fault, *words = kind.split(":")
    options = {"kill": ["-k"], "kill-after": ["-K"], "kill-one": ["-k", "-1"], "power": ["-K"],
               "power-names": ["-K"], "short": ["-s"]}.get(fault) or ["-e", fault]
    return options + (["-c"] if "changes" in words else []) + (["-S"] if "sticky" in words else [])


def count(context, scene, kind):
    """How many places there are for this kind of fault in a run without any."""
    box = scene.box(context)
    done = drive(box.command(*scene.argv(box)), *case_options(kind), env=box.env, cwd=box.path)
    assert done.exit == 0 and not done.struck, f"{scene.name}: {done.exit} {done.stderr}"
    box.remove()
    return done.calls


def message_problems(scene, done):
    """A command that was given an error ends well, or says what it was, and is not cut down."""
    if done.timed_out:
        return ["it hangs"]
    if done.signal is not None:
        return [f"ended by signal {done.signal}: {done.stderr[-300:]}"]
    if done.exit == 0:
        return []
    lines = done.stderr.splitlines()
    good = [line for line in lines if line.startswith("proa: ")]
    if done.exit != scene.failure:
        return [f"exit {done.exit}, not {scene.failure}: {done.stderr[-300:]}"]
    if not good:
        return [f"exit {done.exit} without a message: {done.stderr[-300:]}"]
    return []


def sweep(context, scene, box):
    """What the next commands do by the way; the check's own opinion."""
    if scene.name == "run":
        assert box.run("ps", "-a").returncode == 0  # takes a --rm container whose keeper died
    if "system check" in context.words:
        done = box.run("system", "check", "--deep")
        return [] if done.returncode == 0 else [
            f"system check: exit {done.returncode}: {done.stdout[-600:]}{done.stderr[-300:]}"]
    done = box.run("ps")
    return [] if done.returncode == 0 else [f"ps: {done.stderr}"]


def outside_problems(scene, box):
    without = set()
    if scene.output:
        without.add(os.path.join("out", scene.output))
    got, want = box.outside(), scene.outside
    lines = [f"outside: {p}" for p in sorted(got.keys() ^ want.keys()) if p not in without]
    lines += [f"outside: {p}: {got[p]}" for p in sorted(got.keys() & want.keys())
              if got[p] != want[p] and not got[p].startswith("d")]
    return lines + [f"mounted: {m}" for m in mounts_below(box.path)]


def again(scene, box):
    """The same command without a fault."""
    done = box.run(*scene.argv(box))
    if done.returncode == 0 or any(text in done.stderr for text in scene.may_be_done):
        return []
    return [f"repeated: exit {done.returncode}: {done.stderr[-300:]}"]


def judge(context, scene, box, done):
    """Everything that has to hold after one fault; lines about what does not."""
    problems = [] if done.signal == 9 and done.struck else message_problems(scene, done)
    if done.left:
        problems.append(f"{done.left} processes were left")
    if done.timed_out:
        problems = ["it hangs"]
    problems += outside_problems(scene, box)
    if os.path.exists(box.store):
        problems += sweep(context, scene, box)
        problems += Store(box.store).problems()
    if done.exit == 0:
        problems += [f"exit 0, but {line}" for line in scene.look(box, exact=False)]
    problems += again(scene, box)
    problems += [f"repeated: {line}" for line in scene.look(box, exact=False)]
    problems += [f"repeated: {line}" for line in Store(box.store).problems()]
    return problems


def run_case(context, scene, kind, n):
    """One fault. Returns (where it struck or None, problems)."""
    with open(os.path.join(context.scratch, "lock"), "w", encoding="ascii") as lock:
        if scene.shares:
            fcntl.flock(lock, fcntl.LOCK_EX)
        return _run_case(context, scene, kind, n)


def _run_case(context, scene, kind, n):
    box = scene.box(context)
    power = kind.startswith("power")
    before = powercut.everything_in(box.store) if power else ()
    done = drive(box.command(*scene.argv(box)), *case_options(kind), "-n", n,
                 env=box.env, cwd=box.path, log=power)
    if power and done.signal:
        powercut.cut(box, done.log, before, random.Random(n), kind.startswith("power-names"))
    problems = judge(context, scene, box, done)
    if problems:
        problems = [f"{scene.name} {kind} {n} at {done.at}: exit {done.exit} signal "
                    f"{done.signal}: {done.stderr[-200:]!r}", *problems]
    if problems and os.environ.get("PROA_FAULT_KEEP"):
        problems.append(f"kept: {box.path}")
    else:
        box.remove()
    return (done.at if done.struck else None), problems


def sample(total, n, rnd):
    """n of 1..total, one out of each n-th part."""
    n = min(n, total)
    edges = [total * i // n for i in range(n + 1)]
    return [rnd.randint(a + 1, b) for a, b in zip(edges, edges[1:])]
