"""The driver itself, tried on programs whose system calls are known."""

import errno
import os
import subprocess
import time

import pytest

import harness

# What `fault_victim files` changes, in this order; the last call is exit_group.
ROUND = ("open", "write", "fsync", "rename")
STEPS = ["mkdir", *(step for _ in range(3) for step in ROUND), "exit"]


@pytest.fixture(name="victim")
def fixture_victim(tmp_path):
    """Runs the victim under the driver: victim(what, ..., options=[...])."""
    if not harness.built("fault_driver"):
        pytest.fail("no fault_driver: build it (ninja tests/fault/fault_driver)")
    if os.getuid() != 0:
        pytest.skip("tracing undumpable programs needs root")

    def run(*args, options=(), **kw):
        return harness.drive([harness.built("fault_victim"), *args], *options, **kw)

    run.dir = tmp_path
    return run


def state_of(directory):
    """What is there of a/f and a/b: None, or their bytes."""
    def read(name):
        path = directory / "a" / name
        return path.read_bytes() if path.exists() else None
    return (directory / "a").is_dir(), read("f"), read("b")


def state_after(done):
    """What has to be there when `done` of STEPS are."""
    made, f, b = False, None, None
    for step in STEPS[:done]:
        if step == "mkdir":
            made = True
        elif step == "open":
            f = b""
        elif step == "write":
            f = b"0123456789"
        elif step == "rename":
            f, b = None, f
    return made, f, b


def test_counts(victim):
    """The same number each time: one counter over what changes state, one over everything."""
    first = victim("files", victim.dir, options=["-c"])
    assert (first.calls, first.exit, first.struck, first.left) == (len(STEPS), 0, 0, 0)
    everything = {victim("files", make_dir(victim.dir, n)).calls for n in range(3)}
    assert len(everything) == 1
    assert everything.pop() > len(STEPS) + 3  # each close, too


def make_dir(parent, n):
    path = parent / f"d{n}"
    path.mkdir()
    return path


@pytest.mark.parametrize("how,done", [("-k", -1), ("-K", 0)])
def test_kill_at_every_change(victim, how, done):
    """Before the call it is not made, behind it it is; nothing later is."""
    for n in range(1, len(STEPS) + 1):
        place = make_dir(victim.dir, n)
        end = victim("files", place, options=["-c", how, "-n", n])
        if how == "-K" and n == len(STEPS):
            assert (end.exit, end.struck) == (0, 1)  # there is nothing behind exit_group
        else:
            assert (end.signal, end.struck, end.driver_status) == (9, 1, 137), n
        assert state_of(place) == state_after(n + done), f"{n}: {end.at}"


def test_past_the_end_nothing_is_struck(victim):
    end = victim("files", victim.dir, options=["-c", "-k", "-n", 1000])
    assert (end.exit, end.struck) == (0, 0)


@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EDQUOT"])
def test_errors_come_where_they_can(victim, error):
    """Each place once; the program says which step failed and with what."""
    steps = {"mkdir": 11, "open": 12, "write": 13, "fsync": 14, "rename": 16}
    wanted = [steps[step] for step in STEPS[:-1]]
    if error == "EIO":
        wanted.insert(0, 10)  # opening the directory makes nothing, but reads
    options = ["-e", error, "-b", victim.dir]
    assert victim("files", make_dir(victim.dir, 0), options=options).calls == len(wanted)
    for k, step in enumerate(wanted, 1):
        end = victim("files", make_dir(victim.dir, k), options=[*options, "-n", k])
        assert (end.struck, end.exit) == (1, step)
        assert end.stdout == f"{step} {getattr(errno, error)}\n"


def test_error_is_not_made(victim):
    """A call that is told to fail does nothing."""
    end = victim("files", victim.dir, options=["-e", "ENOSPC", "-b", victim.dir, "-n", 1])
    assert (end.exit, end.stdout, list(victim.dir.iterdir())) == (11, "11 28\n", [])


def test_descriptors_run_out(victim):
    end = victim("files", victim.dir, options=["-e", "EMFILE", "-b", victim.dir, "-n", 2])
    assert (end.exit, end.stdout) == (12, "12 24\n")


def test_sticky(victim):
    end = victim("files", victim.dir, options=["-e", "EIO", "-S", "-b", victim.dir, "-n", 3])
    assert end.exit == 12 and end.struck == 1  # the program gives up by itself
    end = victim("tree", victim.dir / "none", 3, options=["-e", "EIO", "-S", "-n", 1])
    assert end.exit != 0


def test_a_filter_does_not_see_the_replacement(victim):
    """The call that runs instead is one that each sandbox allows."""
    end = victim("filter", victim.dir, options=["-e", "ENOSPC", "-b", victim.dir / "a", "-n", 3])
    assert (end.signal, end.exit, end.stdout) == (None, 13, "13 28\n")
    assert victim("filter", make_dir(victim.dir, 1)).exit == 0


def test_undumpable(victim):
    end = victim("hidden", victim.dir, options=["-e", "ENOSPC", "-b", victim.dir / "a", "-n", 3])
    assert (end.exit, end.stdout) == (13, "13 28\n")


def test_short_write(victim):
    options = ["-s", "-b", victim.dir, "-n", 1]
    assert victim("write", victim.dir, options=options).stdout == "500\n"
    assert (victim.dir / "w").stat().st_size == 500
    (victim.dir / "w").unlink()
    assert victim("again", victim.dir, options=options).stdout == "1000\n"
    assert (victim.dir / "w").stat().st_size == 1000


def test_whole_tree(victim):
    """One counter over five children; the parent's fork, their work and end, its end."""
    end = victim("tree", victim.dir, 5, options=["-c"])
    assert (end.exit, end.calls, end.processes) == (0, 5 * 3 + 1, 6)
    seen = set()
    for n in range(1, end.calls + 1):
        place = make_dir(victim.dir, n + 100)
        killed = victim("tree", place, 5, options=["-c", "-k", "-n", n])
        assert (killed.signal, killed.left) == (9, 0)
        seen.add(len(list(place.iterdir())))
    assert min(seen) == 0 and max(seen) == 5
    assert not running(victim.dir)


def running(word):
    found = subprocess.run(["pgrep", "-f", f"fault_victim.*{word}"], capture_output=True,
                           text=True, check=False).stdout.split()
    return [pid for pid in found if int(pid) != os.getpid()]


def test_only_one(victim):
    """A child dies at its mkdir; the parent goes on and reports it."""
    end = victim("tree", victim.dir, 1, options=["-1", "-k", "-c", "-b", victim.dir, "-n", 1])
    assert (end.signal, end.exit) == (None, 22)


@pytest.mark.parametrize("what", ["exec", "thread"])
def test_vfork_exec_and_threads_are_followed(victim, what):
    names = {"exec": "a", "thread": "of-a-thread"}
    end = victim(what, victim.dir, options=["-c"])
    assert end.exit == 0 and (victim.dir / names[what]).is_dir()
    place = make_dir(victim.dir, 1)
    end = victim(what, place, options=["-k", "-b", place, "-c", "-n", 1])
    assert end.signal == 9 and not list(place.iterdir())


def test_orphans_are_told_and_ended(victim):
    end = victim("orphan")
    assert (end.exit, end.left, end.timed_out) == (0, 1, False)
    assert not running("orphan")


def test_time_limit(victim):
    start = time.monotonic()
    end = victim("hang", limit=1)
    assert (end.timed_out, end.driver_status) == (True, 124)
    assert time.monotonic() - start < 5


def test_job_control_goes_on(victim):
    assert victim("stop").exit == 0


def test_status_and_user():
    assert harness.drive(["sh", "-c", "exit 7"]).driver_status == 7
    assert harness.drive(["sh", "-c", "kill -TERM $$"]).driver_status == 143
    assert harness.drive(["id", "-u"], "-u", "12345:12345").stdout == "12345\n"
    assert harness.drive(["/nonexistent/program"]).driver_status == 127


def test_log(victim):
    end = victim("files", victim.dir, log=True)
    kept = [e for e in end.log if any(str(victim.dir / "a") in p for p in e.paths)]
    renames = [e for e in kept if e.name.startswith("rename")]
    assert len(renames) == 3
    assert renames[0].paths == [str(victim.dir / "a/f"), str(victim.dir / "a/b")]
    writes = [e for e in kept if e.name == "write"]
    opens = [e for e in kept if e.creates]
    assert [e.result for e in writes] == [10] * 3
    assert [e.inodes[0] for e in writes] == [e.opened for e in opens]
    assert all(e.result == 0 for e in kept if e.name == "fsync")


@pytest.mark.parametrize("options", [
    ["-n", "1"], ["-e", "EWRONG", "-n", "1"], ["-k", "-n", "x"], ["-u", "1"], ["-z"]])
def test_wrong_options(options):
    done = subprocess.run([harness.built("fault_driver"), *options, "true"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 125 and done.stderr
