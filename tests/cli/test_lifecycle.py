"""The seed example without a terminal: a kept container, listed, started again, removed."""
import json
import os
import subprocess


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
