"""The seed example without a terminal: a kept container, listed, started again, removed."""
import json
import os
import signal
import subprocess
import time


def test_kept_container_comes_back_with_its_files(busybox):
    busybox.proa("rm", "-f", "keeper")
    done = busybox.proa("run", "--name", "keeper", "busybox", "sh", "-c",
                        "test -e /note && cat /note; echo first > /note; exit 4")
    assert (done.returncode, done.stdout) == (4, "")
    line = busybox.ok("ps", "-a", "--filter", "name=keeper", "--format",
                      "{{.Names}} {{.State}} {{.Status}}")
    assert line.startswith("keeper exited Exited (4) ")
    done = busybox.proa("start", "-a", "keeper")
    assert (done.returncode, done.stdout) == (4, "first\n")
    assert busybox.ok("rm", "keeper") == "keeper\n"
    assert busybox.ok("ps", "-aq", "--filter", "name=keeper") == ""
    assert busybox.leftovers() == []


def test_create_then_start_with_input(busybox):
    cid = busybox.ok("create", "-i", "busybox", "cat").strip()
    assert len(cid) == 64
    assert busybox.ok("start", "-ai", cid[:12], stdin_text="typed\n") == "typed\n"
    busybox.ok("rm", cid)


def test_names_are_unique(busybox):
    busybox.proa("rm", "-f", "twice")
    busybox.ok("create", "--name", "twice", "busybox")
    text = busybox.fails(125, "create", "--name", "twice", "busybox")
    assert "twice" in text and "already in use" in text
    busybox.ok("rm", "twice")


def test_rm_refuses_a_running_container(busybox):
    busybox.proa("rm", "-f", "runner")
    p = busybox.popen(busybox.command("run", "--name", "runner", "busybox", "sh", "-c",
                                      "echo up; sleep 60"), stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "up\n"
    text = busybox.fails(1, "rm", "runner")
    assert "container is running" in text
    assert "Up " in busybox.ok("ps", "--filter", "name=runner")
    text = busybox.fails(125, "start", "-a", "runner")
    assert "already running" in text
    assert busybox.ok("rm", "-f", "runner") == "runner\n"
    assert p.wait(timeout=20) == 137
    assert busybox.leftovers() == []


def test_rm_of_nothing(busybox):
    text = busybox.fails(1, "rm", "no-such-container")
    assert "No such container: no-such-container" in text
    busybox.ok("rm", "-f", "no-such-container")


def test_several_objects_report_each(busybox):
    busybox.proa("rm", "-f", "one")
    busybox.ok("create", "--name", "one", "busybox")
    done = busybox.proa("rm", "missing-a", "one", "missing-b")
    assert done.returncode == 1 and done.stdout == "one\n"
    assert "missing-a" in done.stderr and "missing-b" in done.stderr


def test_inspect_has_dockers_shape(busybox):
    busybox.proa("rm", "-f", "looked-at")
    busybox.ok("create", "--name", "looked-at", "-e", "K=v", "-l", "a=b", "--read-only",
               "busybox", "echo", "hi")
    doc = json.loads(busybox.ok("inspect", "looked-at"))[0]
    assert doc["Name"] == "/looked-at"
    assert (doc["Path"], doc["Args"]) == ("echo", ["hi"])
    assert doc["State"]["Status"] == "created"
    assert "K=v" in doc["Config"]["Env"]
    assert doc["Config"]["Labels"] == {"a": "b"}
    assert doc["HostConfig"]["ReadonlyRootfs"] is True
    assert busybox.ok("inspect", "-f", "{{.State.ExitCode}}", "looked-at") == "0\n"
    busybox.ok("rm", "looked-at")


def test_two_hundred_at_once(people, busybox_archive):
    """All exit 0 and nothing is left in the store, the run directory, or mounted."""
    user = people["sub"]
    user.proa("load", "-i", busybox_archive)
    procs = [user.popen(user.command("run", "--rm", "--network", "none", "busybox", "true"),
                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
             for _ in range(200)]
    results = [(p.communicate(timeout=300)[1], p.returncode) for p in procs]
    assert [r for r in results if r != ("", 0)] == []
    assert user.leftovers() == []


def test_exit_of_a_failed_start_is_remembered(busybox):
    busybox.proa("rm", "-f", "broken")
    busybox.fails(127, "run", "--name", "broken", "busybox", "nope")
    assert "broken" in busybox.ok("ps", "-a")
    doc = json.loads(busybox.ok("inspect", "broken"))[0]
    assert doc["State"]["ExitCode"] == 127 and "nope" in doc["State"]["Error"]
    busybox.ok("rm", "broken")


def test_store_is_private(busybox):
    busybox.ok("ps")
    assert os.stat(busybox.store).st_mode & 0o777 == 0o700


def start_named(user, name, *options, script="echo up; sleep 60", **kw):
    """A foreground run that has printed its first line."""
    user.proa("rm", "-f", name)
    p = user.popen(user.command("run", "--name", name, *options, "busybox", "sh", "-c", script),
                   stdout=subprocess.PIPE, text=True, **kw)
    assert p.stdout.readline() == "up\n"
    return p


def test_name_of_a_killed_rm_container_is_free_again(busybox):
    p = start_named(busybox, "lost", "--rm")
    p.kill()
    p.wait()
    p.stdout.read()  # to its end: the container is gone
    assert busybox.ok("run", "--rm", "--name", "lost", "busybox", "echo", "again") == "again\n"
    assert busybox.ok("ps", "-aq", "--filter", "name=lost") == ""
    assert busybox.leftovers() == []


def test_killed_kept_container_has_exited_with_137(busybox):
    p = start_named(busybox, "unseen")
    p.kill()
    p.wait()
    deadline = time.monotonic() + 20
    # The kernel ends the container after its keeper, not at the same moment.
    while busybox.ok("ps", "-q", "--filter", "name=unseen") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "Exited (137)" in busybox.ok("ps", "-a", "--filter", "name=unseen")
    busybox.ok("rm", "unseen")


def test_forced_removal_of_a_stopped_keeper(busybox):
    p = start_named(busybox, "stopped")
    os.kill(p.pid, signal.SIGSTOP)
    try:
        assert busybox.ok("rm", "-f", "stopped", timeout=30) == "stopped\n"
    finally:
        os.kill(p.pid, signal.SIGCONT)
    assert p.wait(timeout=20) in (137, -9)
    assert busybox.leftovers() == []


def test_third_interrupt_ends_a_first_process_without_handler(people, busybox_archive):
    user = people["sub"]
    user.proa("load", "-i", busybox_archive)
    p = start_named(user, "deaf", "--rm")
    for _ in range(3):
        assert p.poll() is None
        p.send_signal(signal.SIGINT)
        time.sleep(0.3)
    assert p.wait(timeout=20) == 137
    assert user.leftovers() == []


def test_another_run_directory_does_not_hide_that_it_runs(people, busybox_archive):
    user = people["sub"]
    user.proa("load", "-i", busybox_archive)
    other = os.path.join(user.home, "other-run")
    os.makedirs(other, mode=0o700, exist_ok=True)
    os.chown(other, user.uid, user.gid)
    p = start_named(user, "elsewhere", env={"XDG_RUNTIME_DIR": other})
    assert "elsewhere running" in user.ok("ps", "--format", "{{.Names}} {{.State}}")
    assert "container is running" in user.fails(1, "rm", "elsewhere")
    assert "another run directory" in user.fails(1, "rm", "-f", "elsewhere")
    assert user.ok("rm", "-f", "elsewhere", env={"XDG_RUNTIME_DIR": other}) == "elsewhere\n"
    assert p.wait(timeout=20) == 137


def test_init_does_not_show_its_options(busybox):
    out = busybox.ok("run", "--rm", "--init", "-e", "SECRET=canary", "busybox", "cat",
                     "/proc/1/cmdline")
    assert out.rstrip("\0") == "proa-init"


def test_own_name_resolves(busybox):
    hosts = busybox.ok("run", "--rm", "-h", "foo", "busybox", "cat", "/etc/hosts")
    assert "127.0.1.1\tfoo\n" in hosts
    hosts = busybox.ok("run", "--rm", "-h", "foo", "--network", "none", "busybox", "cat",
                       "/etc/hosts")
    assert "127.0.1.1" in hosts and "foo" in hosts


def test_ulimit_above_our_own_is_named(people, busybox_archive):
    user = people["nosub"]
    user.proa("load", "-i", busybox_archive)
    text = user.fails(125, "run", "--rm", "--ulimit", "nofile=unlimited", "busybox", "true")
    assert "--ulimit nofile: the caller's own hard limit is " in text


def test_filters_that_cannot_match_are_refused(busybox):
    assert "states are created, running, exited" in busybox.fails(1, "ps", "-f", "status=bogus")
    assert "exit status" in busybox.fails(1, "ps", "-f", "exited=abc")


def test_start_without_attach_says_what_to_do(busybox):
    busybox.proa("rm", "-f", "later")
    busybox.ok("create", "-i", "--name", "later", "busybox", "true")
    text = busybox.fails(125, "start", "later")
    assert "detached" in text and "proa start -ai later" in text
    assert "No such container: nobody" in busybox.fails(125, "start", "nobody")
    busybox.ok("rm", "later")


def test_commands_of_docker_that_are_not_here(people):
    text = people["nosub"].fails(1, "exec", "x", "sh")
    assert "unknown command: proa exec" in text and "this version of proa does not have" in text


def test_damaged_container_can_be_removed_and_blocks_nothing(busybox):
    """A power cut may leave a --rm container's config.json empty."""
    busybox.proa("rm", "-f", "torn")
    cid = busybox.ok("create", "--name", "torn", "busybox").strip()
    path = os.path.join(busybox.store, "containers", cid, "config.json")
    os.chmod(path, 0o600)
    with open(path, "w", encoding="utf-8"):
        pass
    assert "busybox" in busybox.ok("images")
    busybox.ok("tag", "busybox", "busybox:other")
    busybox.ok("rmi", "busybox:other")
    assert busybox.ok("rm", "torn") == "torn\n"
    busybox.ok("create", "--name", "torn", "busybox")
    busybox.ok("rm", "torn")
    assert busybox.leftovers() == []


def test_cidfile_that_cannot_be_made_leaves_no_container(busybox):
    before = busybox.ok("ps", "-aq")
    text = busybox.fails(125, "run", "--rm", "--cidfile", "/no/such/dir/cid", "busybox", "true")
    assert "--cidfile /no/such/dir/cid: No such file or directory" in text
    assert busybox.ok("ps", "-aq") == before
    path = os.path.join(busybox.home, "cid-of-nothing")
    busybox.fails(125, "run", "--cidfile", path, "--pull=never", "no-such-image")
    assert not os.path.exists(path)


def test_descriptors_of_the_caller_reach_nobody(busybox):
    """Neither the container nor helpers see what was left open by whoever calls."""
    out = busybox.exec(["sh", "-c", 'exec 7</etc/hostname 9</; "$@"', "sh",
                        *busybox.command("run", "--rm", "busybox", "ls", "/proc/self/fd")])
    assert out.stdout.split() == ["0", "1", "2", "3"]
