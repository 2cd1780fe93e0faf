"""What a container may do: system calls, capabilities, paths; as each user, from inside."""
import json
import os
import subprocess

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
PROBE = os.path.join(HERE, "..", "seccomp", "probe.c")
DEFAULT_CAPS = "00000000800405fb"
NO_CAPS = "0000000000000000"


@pytest.fixture(scope="session")
def probe(scratch):
    """The program that makes every call of its table and compares what comes back."""
    binary = os.path.join(scratch, "seccomp-probe")
    subprocess.run(["gcc", "-static", "-o", binary, PROBE], check=True)
    os.chmod(binary, 0o755)
    return binary


def run_probe(user, probe, mode, *options):
    return user.proa("run", "--rm", "-v", f"{probe}:/probe:ro", *options, "busybox", "/probe", mode)


@pytest.mark.parametrize("options", [
    (), ("--security-opt", "no-new-privileges"), ("-u", "1000"), ("--cap-drop", "ALL"),
    ("--network", "none")])
def test_calls_by_default(busybox, probe, options):
    done = run_probe(busybox, probe, "default", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 wrong" in done.stdout


def test_capability_opens_its_calls(busybox, probe):
    """Only kcmp, of the calls in the table, comes with SYS_PTRACE; the probe calls it wrong."""
    done = run_probe(busybox, probe, "default", "--cap-add", "SYS_PTRACE")
    assert done.stdout.splitlines()[0] == (
        "kcmp: -22 (Invalid argument), wanted Operation not permitted")
    assert " 1 wrong" in done.stdout


def test_calls_with_admin(busybox, probe):
    done = run_probe(busybox, probe, "admin", "--cap-add", "SYS_ADMIN")
    assert done.returncode == 0, done.stdout + done.stderr


def status_lines(user, *options):
    out = user.ok("run", "--rm", *options, "busybox", "cat", "/proc/self/status")
    fields = dict(line.split(":\t", 1) for line in out.splitlines() if ":\t" in line)
    return tuple(fields[k] for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"))


@pytest.mark.parametrize("options, permitted, bounding", [
    ((), DEFAULT_CAPS, DEFAULT_CAPS),
    (("-u", "1000"), NO_CAPS, DEFAULT_CAPS),
    (("--cap-drop", "all"), NO_CAPS, NO_CAPS),
    (("--cap-drop", "ALL", "--cap-add", "cap_chown,KILL"), "0000000000000021",
     "0000000000000021"),
    (("--cap-add", "NET_RAW", "--cap-drop", "SETFCAP"), "00000000000425fb", "00000000000425fb"),
    (("--cap-drop", "ALL", "-u", "1000:1000"), NO_CAPS, NO_CAPS),
])
def test_capabilities(busybox, options, permitted, bounding):
    """Never inheritable, never ambient; nothing for users (CVE-2022-24769, CVE-2022-29162)."""
    assert status_lines(busybox, *options) == (NO_CAPS, permitted, permitted, bounding, NO_CAPS)


def test_capability_lists_are_checked(busybox):
    text = busybox.fails(125, "run", "--rm", "--cap-add", "SYS_ADMN", "busybox", "true")
    assert "unknown capability: SYS_ADMN (is CAP_SYS_ADMIN meant?)" in text
    text = busybox.fails(125, "run", "--rm", "--cap-add", "CHOWN", "--cap-drop", "chown",
                         "busybox", "true")
    assert "CAP_CHOWN is to be added and dropped" in text


def test_no_new_privileges(busybox):
    show = "grep NoNewPrivs /proc/self/status"
    for options, want in (((), "0"), (("--security-opt", "no-new-privileges"), "1"),
                          (("--security-opt", "no-new-privileges:true"), "1"),
                          (("--security-opt=no-new-privileges=false",), "0")):
        out = busybox.ok("run", "--rm", *options, "busybox", "sh", "-c", show)
        assert out == f"NoNewPrivs:\t{want}\n"


def test_profile_of_the_user(busybox, scratch):
    path = os.path.join(scratch, f"profile-{busybox.name}.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30}]}, f)
    os.chmod(path, 0o644)
    done = busybox.proa("run", "--rm", "--security-opt", f"seccomp={path}", "busybox",
                        "mkdir", "/tmp/x")
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr


def test_profile_that_cannot_be(busybox, scratch):
    path = os.path.join(scratch, f"bad-{busybox.name}.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["no_such_call"], "action": "SCMP_ACT_ERRNO"}]}, f)
    os.chmod(path, 0o644)
    text = busybox.fails(125, "run", "--rm", "--security-opt", f"seccomp={path}", "busybox", "true")
    assert f"seccomp profile {path}: seccomp: unknown system call no_such_call" in text
    text = busybox.fails(125, "run", "--rm", "--security-opt", "seccomp=/nope", "busybox", "true")
    assert "seccomp profile /nope: open: No such file or directory" in text
    assert busybox.leftovers() == []


@pytest.mark.parametrize("option, message", [
    ("bogus", "--security-opt bogus: not no-new-privileges"),
    ("no-new-privileges=maybe", "--security-opt no-new-privileges"),
    ("systempaths=all", "only systempaths=unconfined is possible"),
    ("mask=relative", "relative is not an absolute path"),
    ("label=color:red", "not disable, user:, role:, type: or level:"),
])
def test_options_that_cannot_be(busybox, option, message):
    text = busybox.fails(125, "run", "--rm", "--security-opt", option, "busybox", "true")
    assert message in text


@pytest.mark.skipif(os.path.exists("/sys/module/apparmor/parameters/enabled"),
                    reason="this host has AppArmor")
def test_labels_need_their_module(busybox):
    """An isolation that cannot be given is an error, and what turns it off is fine."""
    text = busybox.fails(125, "run", "--rm", "--security-opt", "apparmor=mine", "busybox", "true")
    assert "AppArmor is not enabled on this host" in text
    text = busybox.fails(125, "run", "--rm", "--security-opt", "label=type:x", "busybox", "true")
    assert "SELinux is not enabled on this host" in text
    busybox.ok("run", "--rm", "--security-opt", "apparmor=unconfined", "--security-opt",
               "label=disable", "busybox", "true")


def test_masked_and_readonly_paths(busybox):
    files = [f for f in ("sys/kernel/core_pattern", "sysrq-trigger", "irq/default_smp_affinity")
             if os.path.exists(f"/proc/{f}")]
    script = ("cat /proc/timer_list /proc/interrupts | wc -c; ls /sys/firmware | wc -l; "
              f"for f in {' '.join(files)}; do (echo x > /proc/$f) 2>&1; done; true")
    out = busybox.ok("run", "--rm", "busybox", "sh", "-c", script).splitlines()
    assert out[:2] == ["0", "0"]
    assert len(out) == 2 + len(files), out
    assert all("Read-only file system" in line for line in out[2:]), out


def test_unmask(busybox):
    def size(*options):
        done = busybox.proa("run", "--rm", *options, "busybox", "sh", "-c",
                            "cat /proc/interrupts | wc -c")
        assert done.returncode == 0, done.stderr
        return int(done.stdout)
    assert size() == 0
    assert size("--security-opt", "unmask=/proc/interrupts") > 0
    assert size("--security-opt", "unmask=ALL") > 0
    assert size("--security-opt", "systempaths=unconfined") > 0
    assert size("--security-opt", "unmask=ALL", "--security-opt", "mask=/proc/interrupts") == 0
