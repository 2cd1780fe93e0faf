"""Options of run about names, memory, settings and streams: what a command inside sees of them."""
import json
import os
import signal
import subprocess
import time

import pytest

from terminal import Terminal


def sh(user, script, *options):
    return user.ok("run", "--rm", *options, "busybox", "sh", "-c", script)


@pytest.fixture
def plain(people, busybox_archive):
    """One account, for what does not depend on whose container it is."""
    user = people["nosub"]
    if user.proa("inspect", "--type", "image", "busybox:latest").returncode != 0:
        user.ok("load", "-i", busybox_archive)
    return user


def lines_of(user, path, *options):
    return sh(user, f"cat {path}", *options).splitlines()


def test_add_host(busybox):
    options = ("--add-host", "one:192.0.2.1", "--add-host", "six=[2001:db8::1]")
    for network in ("host", "none"):
        lines = lines_of(busybox, "/etc/hosts", "--network", network, *options)
        assert "192.0.2.1\tone" in lines and "2001:db8::1\tsix" in lines
    assert "127.0.0.1\tme" in lines_of(busybox, "/etc/hosts", "--add-host", "me:host-gateway")


def test_dns(busybox):
    lines = lines_of(busybox, "/etc/resolv.conf", "--dns", "192.0.2.53", "--dns", "2001:db8::53",
                     "--dns-search", "a.example", "--dns-search", "b.example",
                     "--dns-option", "ndots:3", "--dns-opt", "rotate")
    assert [line for line in lines if not line.startswith("#")] == [
        "nameserver 192.0.2.53", "nameserver 2001:db8::53", "search a.example b.example",
        "options ndots:3 rotate"]
    lines = lines_of(busybox, "/etc/resolv.conf", "--dns-search", ".")
    assert not any(line.startswith("search") for line in lines)


def test_names(busybox):
    out = sh(busybox, "hostname; cat /proc/sys/kernel/domainname; tail -1 /etc/hosts",
             "--network", "none", "-h", "web", "--domainname", "example.org")
    assert out == "web\nexample.org\n127.0.1.1\tweb.example.org web\n"
    assert sh(busybox, "hostname; readlink /proc/self/ns/uts", "--uts", "host") == (
        f"{os.uname().nodename}\n{os.readlink('/proc/self/ns/uts')}\n")
    assert os.readlink("/proc/self/ns/uts") not in sh(busybox, "readlink /proc/self/ns/uts")


def test_shared_memory(busybox):
    script = "grep ' /dev/shm ' /proc/mounts; readlink /proc/self/ns/ipc"
    host = os.readlink("/proc/self/ns/ipc")
    own = sh(busybox, script, "--shm-size", "1m")
    assert "size=1024k" in own and host not in own
    assert "size=65536k" in sh(busybox, script)
    shared = sh(busybox, script, "--ipc", "host")
    assert "nosuid,nodev,noexec" in shared and host in shared
    nothing = sh(busybox, script + "; ls -A /dev", "--ipc", "none")
    assert "shm" not in nothing and host not in nothing


def test_files_in_the_host_s_shared_memory(busybox):
    name = f"proa-test-{os.getpid()}-{busybox.uid}"
    try:
        sh(busybox, f"echo here > /dev/shm/{name}", "--ipc", "host")
        with open(f"/dev/shm/{name}", encoding="ascii") as f:
            assert f.read() == "here\n"
    finally:
        os.unlink(f"/dev/shm/{name}")


def test_sysctl(busybox):
    out = sh(busybox, "cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward "
             "/proc/sys/kernel/domainname; echo 1 > /proc/sys/kernel/msgmax 2> /dev/null || echo ro",
             "--network", "none", "--sysctl", "kernel.msgmax=9000", "--sysctl",
             "net/ipv4/ip_forward=1", "--sysctl", "kernel.domainname=d.example")
    assert out == "9000\n1\nd.example\nro\n"


def test_oom_score(busybox):
    own = int(open("/proc/self/oom_score_adj", encoding="ascii").read())
    out = sh(busybox, "cat /proc/self/oom_score_adj /proc/1/oom_score_adj; "
             "exec cat /proc/self/oom_score_adj", "--oom-score-adj", "700")
    assert out == "700\n700\n700\n"
    # ours has not changed with it: the next container has the caller's
    assert sh(busybox, "cat /proc/self/oom_score_adj") == f"{own}\n"
    if busybox.kind != "root":
        text = busybox.fails(125, "run", "--rm", "--oom-score-adj=-500", "busybox", "true")
        assert "cannot set the OOM score adjustment to -500: Permission denied" in text
        assert "only root may go below the value of the caller" in text
        assert busybox.leftovers() == []


def test_group_add(user, busybox_archive):
    user.ok("load", "-i", busybox_archive)
    if user.kind == "nosub":
        text = user.fails(125, "run", "--rm", "--group-add", "7", "busybox", "true")
        assert text == (
            "proa: run: --group-add 7: groups cannot be set with a single id\n"
            "hint: subordinate ids make it possible: see `proa doctor`\n")
        assert user.leftovers() == []
        return
    out = sh(user, "id -G", "--group-add", "7", "--group-add", "daemon")
    assert set(out.split()) >= {"0", "1", "7"}


def test_environment_of_the_caller(plain):
    out = plain.ok("run", "--rm", "--env-host", "-e", "B=mine", "busybox", "env",
                   env={"A": "caller", "B": "caller"})
    assert {"A=caller", "B=mine"} <= set(out.splitlines())
    out = plain.ok("run", "--rm", "busybox", "env", env={"A": "caller"})
    assert "A=caller" not in out.splitlines()


def test_bind_options(busybox):
    """nosuid and nodev unless asked otherwise, and then only as far as the source allows."""
    path = os.path.join(busybox.home, "bound")
    os.makedirs(path, exist_ok=True)
    os.chown(path, busybox.uid, busybox.gid)

    def options(word):
        out = sh(busybox, "grep ' /data ' /proc/mounts", "-v", f"{path}:/data{word}")
        return set(out.split()[3].split(","))

    assert {"nosuid", "nodev"} <= options("")
    assert "noexec" not in options("") and {"noexec", "ro"} <= options(":ro,noexec")
    source = os.statvfs(path).f_flag
    assert ("nosuid" in options(":suid")) == bool(source & os.ST_NOSUID)
    assert ("nodev" in options(":dev")) == bool(source & os.ST_NODEV)


def test_what_is_only_recorded(plain):
    name = f"recorded-{os.getpid()}"
    plain.ok("create", "--name", name, "--expose", "80", "--expose", "7000-7002/UDP", "--expose",
             "80/tcp", "--stop-signal", "SIGUSR1", "--stop-timeout", "7", "--network", "none",
             "--dns", "192.0.2.53", "--add-host", "a:192.0.2.1", "--shm-size", "2m", "--sysctl",
             "net.core.somaxconn=99", "--ipc", "none", "--uts", "private", "--oom-score-adj", "9",
             "--domainname", "example.org", "busybox")
    try:
        info = json.loads(plain.ok("inspect", name))[0]
    finally:
        plain.ok("rm", name)
    config, host = info["Config"], info["HostConfig"]
    assert config["ExposedPorts"] == {
        "80/tcp": {}, "7000/udp": {}, "7001/udp": {}, "7002/udp": {}}
    assert (config["StopSignal"], config["StopTimeout"]) == ("SIGUSR1", 7)
    assert config["Domainname"] == "example.org"
    assert (host["Dns"], host["ExtraHosts"]) == (["192.0.2.53"], ["a:192.0.2.1"])
    assert (host["ShmSize"], host["OomScoreAdj"]) == (2 << 20, 9)
    assert host["Sysctls"] == {"net.core.somaxconn": "99"}
    assert (host["IpcMode"], host["UTSMode"]) == ("none", "")


REFUSALS = [
    (["--add-host", "a"], "bad format for add-host: \"a\""),
    (["--add-host", "a:b"], "invalid IP address in add-host: \"b\""),
    (["--network", "none", "--add-host", "a:host-gateway"],
     "--add-host a:host-gateway: without a network the host cannot be reached"),
    (["--dns", "name"], "name is not an ip address"),
    (["--dns-search", "a b"], "--dns-search: \"a b\" is no domain"),
    (["--dns-option", "a\nb"], "--dns-option: \"a\nb\" is no option"),
    (["--domainname", "a b"], "invalid hostname format: a b"),
    (["--uts", "host", "-h", "x"], "conflicting options: hostname and the UTS mode"),
    (["--uts", "host", "--domainname", "x"], "conflicting options: hostname and the UTS mode"),
    (["--shm-size", "big"], "--shm-size big: "),
    (["--oom-score-adj", "1001"],
     "Invalid value 1001, range for oom score adj is [-1000, 1000]"),
    (["--stop-signal", "SIGWAT"], "invalid signal: SIGWAT"),
    (["--stop-timeout", "soon"], "invalid --stop-timeout \"soon\": want seconds, -1 for ever"),
    (["--expose", "99999"], "invalid range format for --expose: 99999"),
    (["--expose", "9-8"], "invalid range format for --expose: 9-8"),
    (["--expose", "80/icmp"], "invalid proto: icmp"),
    (["--sysctl", "kernel.msgmax"], "invalid sysctl 'kernel.msgmax': not KEY=VALUE"),
    (["--sysctl", "kernel.msgmax=1\n2"], "invalid sysctl 'kernel.msgmax=1\n2': not KEY=VALUE"),
    (["--sysctl", "kernel.core_pattern=|/x"], "sysctl 'kernel.core_pattern=|/x' is not allowed"),
    (["--sysctl", "kernel.msgmax.x=1"], "sysctl 'kernel.msgmax.x=1' is not allowed"),
    (["--sysctl", "net/../kernel/core_pattern=x"], "is not allowed"),
    (["--sysctl", "net..x=1", "--network", "none"], "sysctl 'net..x=1' is not allowed"),
    (["--sysctl", "net=1", "--network", "none"], "sysctl 'net=1' is not allowed"),
    (["--sysctl", "net.ipv4.ip_forward=1"],
     "sysctl 'net.ipv4.ip_forward=1' is not allowed with --network host"),
    (["--sysctl", "fs.mqueue.msg_max=1", "--ipc", "host"],
     "sysctl 'fs.mqueue.msg_max=1' is not allowed with --ipc host"),
    (["--sysctl", "kernel.domainname=x", "--uts", "host"],
     "sysctl 'kernel.domainname=x' is not allowed with --uts host"),
    (["-a", "stdlog"], "invalid argument \"stdlog\" for \"-a, --attach\" flag: valid streams are "
     "STDIN, STDOUT and STDERR"),
    (["-t", "-a", "stderr"],
     "--attach: a terminal (-t) is one stream, so stdout has to be among them"),
    (["-v", ""], "--volume: its value is empty"),
    (["--tmpfs", ""], "--tmpfs: its value is empty"),
    (["--pid", "host"],
     "--pid is not supported: this version of proa does not have a choice of process namespace"),
]


@pytest.mark.parametrize("options,message", REFUSALS, ids=[" ".join(o) for o, _ in REFUSALS])
def test_refusals(plain, options, message):
    text = plain.fails(125, "run", "--rm", *options, "busybox", "true")
    assert message in text
    assert not plain.leftovers()


def test_setting_that_the_kernel_does_not_have(plain):
    text = plain.fails(125, "run", "--rm", "--network", "none", "--sysctl", "net.core.nope=1",
                       "busybox", "true")
    assert "sysctl sys/net/core/nope: No such file or directory" in text


@pytest.mark.parametrize("streams,out,err", [
    ((), "out\n", "err\n"), (("stdout",), "out\n", ""), (("STDERR",), "", "err\n"),
    (("stdin", "stdout"), "out\n", "")])
def test_attach(plain, streams, out, err):
    options = [word for s in streams for word in ("-a", s)]
    done = plain.proa("run", "--rm", *options, "busybox", "sh", "-c", "echo out; echo err >&2")
    assert (done.returncode, done.stdout, done.stderr) == (0, out, err)


def test_attach_standard_input_alone(plain):
    """docker's answer is the id then: nothing else will be seen."""
    path = os.path.join(plain.home, "taken")
    os.makedirs(path, exist_ok=True)
    os.chown(path, plain.uid, plain.gid)
    out = plain.ok("run", "--rm", "-i", "-a", "stdin", "-v", f"{path}:/to", "busybox", "sh", "-c",
                   "cat > /to/text; echo unseen", stdin_text="typed\n")
    assert len(out) == 65 and int(out, 16)
    with open(os.path.join(path, "text"), encoding="ascii") as f:
        assert f.read() == "typed\n"
    assert plain.ok("run", "--rm", "-i", "-a", "stdout", "busybox", "cat",
                    stdin_text="not given\n") == ""


def test_foreign_program_is_named(plain):
    """A header is enough: the kernel looks no further."""
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00" + b"\xb7\x00" + bytes(44)
    for name, content, hint in (
            ("arm", head, "it is a program for arm64, and this machine is amd64: is the image of "
             "another platform?"),
            ("text", b"echo\n" * 20, "it is neither a program nor a script that begins with #!")):
        path = os.path.join(plain.home, name)
        with open(path, "wb") as f:
            f.write(content)
        os.chmod(path, 0o755)
        text = plain.fails(126, "run", "--rm", "-v", f"{path}:/{name}", "busybox", f"/{name}")
        assert text == f"proa: run: exec /{name}: exec format error\nhint: {hint}\n"


def test_no_command_has_a_hint(plain, busybox_rootfs):
    text = plain.fails(125, "run", "--rm", "--rootfs", busybox_rootfs)
    assert text == ("proa: run: no command specified\n"
                    "hint: a directory names none, so one has to follow it: proa run --rootfs DIR "
                    "COMMAND\n")


def test_closed_window_without_t_leaves_the_container(plain):
    """As in docker: HUP is passed on, and a command that does not heed it goes on to its end."""
    path = os.path.join(plain.home, "hung-up")
    os.makedirs(path, exist_ok=True)
    os.chown(path, plain.uid, plain.gid)
    for script, word in (('echo ready; i=0; while [ $i -lt 20 ]; do i=$((i+1)); sleep 0.1; done; '
                          'echo done > /to/end', "done"),
                         ('trap "echo hup > /to/end; exit 3" HUP; echo ready; '
                          'while :; do sleep 0.1; done', "hup")):
        with Terminal(plain, plain.command("run", "--rm", "-v", f"{path}:/to", "busybox", "sh",
                                           "-c", script)) as t:
            t.expect("ready\r\n")
            t.hang_up()
            assert t.process.wait(20) == (0 if word == "done" else 3)
        with open(os.path.join(path, "end"), encoding="ascii") as f:
            assert f.read() == f"{word}\n"
    assert plain.leftovers() == []


def test_sig_proxy_off(plain):
    process = plain.popen(plain.command(
        "run", "--rm", "--sig-proxy=false", "busybox", "sh", "-c",
        'trap "exit 9" USR1; echo ready; sleep 0.7; exit 4'), stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGUSR1)
    time.sleep(0.1)
    assert process.wait(20) == 4


def test_places_that_cannot_be_used(plain, busybox_rootfs):
    text = plain.fails(1, "--root", "/etc/store", "images")
    assert text.startswith("proa: images: store: ")
    assert text.endswith("\nhint: choose a place of your own: --root DIR, or XDG_DATA_HOME\n")
    theirs = os.path.join(os.path.dirname(plain.home), "theirs")
    os.makedirs(theirs, mode=0o755, exist_ok=True)
    text = plain.fails(125, "--runroot", theirs, "run", "--rm", "--rootfs", busybox_rootfs,
                       "/bin/true")
    assert text == (
        f"proa: run: run directory: {theirs} belongs to user 0, not to user {plain.uid}\n"
        "hint: choose a place of your own: --runroot DIR, or XDG_RUNTIME_DIR\n")
