"""What runtime/ makes of a spec, as root, as a user with subordinate ids and as one without."""
import ctypes
import os
import re
import signal
import socket
import subprocess
import time

import pytest

SAFE_CAPS = "00000000800405fb"


def fields(text):
    return text.split()


def test_identity_and_home(box):
    assert box.sh("id -u; id -g; echo $HOME; pwd") == "0\n0\n/root\n/\n"


def test_only_three_descriptors(box):
    assert fields(box.sh("ls /proc/self/fd")) == ["0", "1", "2", "3"]


def test_leaked_descriptor_is_closed(box):
    fd = os.open(box.canary, os.O_RDONLY)
    os.set_inheritable(fd, True)
    try:
        out = box.sh("ls /proc/self/fd", "-k", str(fd), pass_fds=[fd])
        assert fields(out) == ["0", "1", "2", "3"]
        box.fails(126, "working directory /proc/self/fd/", "-k", str(fd),
                  "-w", f"/proc/self/fd/{fd}", pass_fds=[fd])
    finally:
        os.close(fd)


@pytest.mark.parametrize("path", ["/proc/self/fd/0", "/proc/self/fd/7", "/proc/1/root",
                                  "/proc/self/cwd", "/proc/thread-self/root/etc"])
def test_workdir_through_magic_link_is_refused(box, path):
    box.fails(126, f"working directory {path}", "-w", path)


def test_workdir_is_made(box):
    assert box.sh("pwd; stat -c %a:%u .", "-w", "/a/b/c") == "/a/b/c\n755:0\n"


def test_workdir_link_stays_inside(box):
    box.link("/../../../../../../" + box.canary, "out")
    assert box.sh("pwd; ls", "-w", "/out") == box.canary + "\n"
    assert os.path.isdir(box.path(box.canary.lstrip("/")))


def test_capabilities(box):
    status = box.sh("grep ^Cap /proc/self/status")
    assert re.findall(r"Cap(\w+):\s+(\w+)", status) == [
        ("Inh", "0" * 16), ("Prm", SAFE_CAPS), ("Eff", SAFE_CAPS), ("Bnd", SAFE_CAPS),
        ("Amb", "0" * 16)]


def test_other_user_has_no_capability(box):
    status = box.sh("grep ^Cap /proc/self/status", "-u", "alice")
    assert re.findall(r"Cap(\w+):\s+(\w+)", status) == [
        ("Inh", "0" * 16), ("Prm", "0" * 16), ("Eff", "0" * 16), ("Bnd", SAFE_CAPS),
        ("Amb", "0" * 16)]


@pytest.mark.parametrize("name,uid,gid,groups", [
    ("alice", 1000, 1001, {1001, 50}), ("1000", 1000, 1001, {1001, 50}),
    ("1000:7", 1000, 7, {7}), ("alice:staff", 1000, 50, {50}), ("1234", 1234, 0, {0}),
    ("4:5", 4, 5, {5})])
def test_user(box, name, uid, gid, groups):
    for options in ((), ("-o", box.dir)):
        out = fields(box.sh("id -u; id -g; id -G", "-u", name, *options))
        assert out[:2] == [str(uid), str(gid)]
        if box.user.kind == "nosub":  # setgroups is denied with one id
            groups = {gid}
        assert set(map(int, out[2:])) - {65534} == groups


def test_home_of_user(box):
    assert box.sh("echo $HOME", "-u", "alice") == "/home/alice\n"
    assert box.sh("echo $HOME", "-u", "alice", "-e", "HOME=/x") == "/x\n"


def test_unknown_user(box):
    box.fails(126, "unable to find user bob: no matching entries in passwd file", "-u", "bob")


@pytest.mark.parametrize("user", ["sub"], indirect=True)
def test_user_past_the_ranges(box):
    box.fails(126, "user 70000 does not exist here: only the ids below 65537 are mapped",
              "-u", "70000:0")


def test_hostile_passwd_is_not_followed(box):
    box.link("/../../../../.." + box.canary + "/secret", "etc/passwd")
    box.fails(126, "unable to find user alice", "-u", "alice")
    os.unlink(box.path("etc/passwd"))
    os.mkfifo(box.path("etc/passwd"))
    box.fails(126, "unable to find user alice", "-u", "alice")


def test_masked_paths(box):
    assert box.sh("cat /proc/timer_list /proc/keys /proc/interrupts; ls /sys/firmware") == ""
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/vm/swappiness"):
        done = box.run(command=("/bin/sh", "-c", f"echo x > {path}"))
        assert done.returncode != 0 and "Read-only file system" in done.stderr
    done = box.run(command=("/bin/sh", "-c", "echo x > /sys/kernel/profiling"))
    assert done.returncode != 0


def test_every_mask_is_a_read_only_mount(box):
    table = box.sh("cat /proc/self/mountinfo")
    for line in table.splitlines():
        where, options = line.split()[4:6]
        if where.startswith("/proc/") or where.startswith("/sys"):
            assert "ro" in options.split(","), line
    assert any(line.split()[4] == "/proc/timer_list" for line in table.splitlines())


def test_mount_options(box):
    table = {line.split()[4]: set(line.split()[5].split(","))
             for line in box.sh("cat /proc/self/mountinfo", "-n").splitlines()}
    assert {"nosuid", "nodev", "noexec"} <= table["/proc"]
    assert {"ro", "nosuid", "nodev", "noexec"} <= table["/sys"]
    assert {"nosuid", "noexec"} <= table["/dev"]
    assert {"nosuid", "noexec"} <= table["/dev/pts"]
    assert {"nosuid", "nodev", "noexec"} <= table["/dev/shm"]
    assert "nodev" in table["/"]


def test_host_tree_is_gone(box):
    places = [line.split()[4] for line in box.sh("cat /proc/self/mountinfo", "-n").splitlines()]
    assert places.count("/") == 1
    assert {p for p in places if not p.startswith(("/dev", "/proc", "/sys"))} == {"/"}
    assert fields(box.sh("ls /..")) == fields(box.sh("ls /"))


@pytest.mark.parametrize("name", ["proc", "sys", "dev"])
def test_link_in_place_of_kernel_directory(box, name):
    box.link("../canary", name)
    box.fails(125, f"/{name} of the image has to be a directory, and is not one")


@pytest.mark.parametrize("name", ["proc", "sys", "dev"])
def test_file_in_place_of_kernel_directory(box, name):
    os.rmdir(box.path(name))
    open(box.path(name), "w", encoding="utf-8").close()
    box.fails(125, f"/{name} of the image has to be a directory, and is not one")


@pytest.mark.parametrize("name", ["proc", "sys", "dev"])
def test_missing_kernel_directory_is_made(box, name):
    os.rmdir(box.path(name))
    assert box.sh(f"ls /{name} | head -n 1") != ""


def test_content_of_dev(box):
    names = set(fields(box.sh("ls /dev")))
    assert names == {"fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr",
                     "stdin", "stdout", "tty", "urandom", "zero"}
    assert box.sh("echo x > /dev/null; head -c 3 /dev/zero | wc -c; stat -c %t:%T /dev/full") == \
        "3\n1:7\n"


def test_no_device_can_be_made(box):
    done = box.run(command=("/bin/sh", "-c", "mknod /tmp/m c 1 1"))
    assert done.returncode != 0 and "Operation not permitted" in done.stderr


def test_resolv_conf_on_a_file(box):
    source = os.path.join(box.canary, "secret")
    assert box.sh("cat /etc/plain; cat /etc/new", "-f", f"{source}:/etc/plain",
                  "-f", f"{source}:/etc/new") == "host\nhost\n"


def test_resolv_conf_behind_a_link_stays_inside(box):
    source = os.path.join(box.canary, "secret")
    box.link("../run/systemd/resolve/stub.conf", "etc/resolv.conf")
    assert box.sh("cat /etc/resolv.conf", "-f", f"{source}:/etc/resolv.conf") == "host\n"
    assert os.path.isfile(box.path("run/systemd/resolve/stub.conf"))
    box.link("/../../../.." + os.path.join(box.canary, "made"), "etc/resolv.conf")
    assert box.sh("cat /etc/resolv.conf", "-f", f"{source}:/etc/resolv.conf") == "host\n"
    assert not os.path.exists(os.path.join(box.canary, "made"))


def test_resolv_conf_on_a_directory_or_into_proc_is_refused(box):
    source = os.path.join(box.canary, "secret")
    os.mkdir(box.path("etc/resolv.conf"))
    box.fails(125, "which is a directory", "-f", f"{source}:/etc/resolv.conf")
    os.rmdir(box.path("etc/resolv.conf"))
    box.link("/proc/self/environ", "etc/resolv.conf")
    box.fails(125, "/etc/resolv.conf", "-f", f"{source}:/etc/resolv.conf")


def test_volume(box):
    data = os.path.join(box.dir, "data")
    os.mkdir(data)
    box.own(data)
    assert box.sh("echo x > /data/new/f; cat /data/new/f", "-v", f"{data}:/data/new") == "x\n"
    assert os.listdir(data) == ["f"]
    assert os.stat(os.path.join(data, "f")).st_uid == box.user.uid
    done = box.run("-v", f"{data}:/data:ro", command=("/bin/sh", "-c", "echo y > /data/f"))
    assert done.returncode != 0 and "Read-only file system" in done.stderr
    table = box.sh("grep ' /data ' /proc/self/mountinfo", "-v", f"{data}:/data")
    assert {"nosuid", "nodev"} <= set(table.split()[5].split(","))


def test_volume_of_a_file(box):
    source = os.path.join(box.canary, "secret")
    assert box.sh("cat /a/b/file", "-v", f"{source}:/a/b/file:ro") == "host\n"
    box.fails(125, "which is a directory", "-v", f"{source}:/tmp")
    box.fails(125, "which is not a directory", "-v", f"{box.canary}:/etc/plain")


def test_volume_behind_a_link_stays_inside(box):
    box.link("/../../../../../.." + box.canary, "data")
    data = os.path.join(box.dir, "data")
    os.mkdir(data)
    box.own(data)
    assert box.sh("touch /data/inside; ls /data", "-v", f"{data}:/data") == "inside\n"
    assert os.listdir(data) == ["inside"]


@pytest.mark.parametrize("target", ["/", "/proc", "/proc/self", "//proc/.", "/proc/../sys", "/sys",
                                    "/dev", "/sys/fs/cgroup", "/dev/pts", "/tmp/../proc/1"])
def test_volume_on_our_own_mounts_is_refused(box, target):
    box.fails(125, "nothing may be mounted on", "-v", f"{box.canary}:{target}")


@pytest.mark.parametrize("link", ["/proc/self", "/sys/kernel", "/dev", "/", "/dev/pts",
                                  "/proc/1/fd", "/proc/sys/kernel"])
def test_volume_led_to_our_own_mounts_is_refused(box, link):
    box.link(link, "data")
    box.fails(125, "/data", "-v", f"{box.canary}:/data")


def test_volumes_are_mounted_by_depth(box):
    outer, inner = os.path.join(box.dir, "outer"), os.path.join(box.dir, "inner")
    for path in (outer, inner):
        os.mkdir(path)
        box.own(path)
    assert box.sh("touch /v/w/x; ls /v", "-v", f"{inner}:/v/w", "-v", f"{outer}:/v") == "w\n"
    assert os.listdir(inner) == ["x"]


def test_tmpfs(box):
    os.chmod(box.path("home/alice"), 0o710)
    table = box.sh("grep -E ' /(t|home/alice) ' /proc/self/mountinfo | sort -k 5; "
                   "stat -c %a /t /home/alice /u", "-T", "/t", "-T", "/home/alice",
                   "-T", "/u:700")
    lines = table.splitlines()
    for line in lines[:2]:
        assert {"nosuid", "nodev", "noexec"} <= set(line.split()[5].split(","))
    assert lines[2:] == ["1777", "710", "700"]


def test_read_only_root(box):
    done = box.run("-r", command=("/bin/sh", "-c", "touch /x"))
    assert done.returncode != 0 and "Read-only file system" in done.stderr
    assert box.sh("touch /dev/shm/x /t/y; echo ok", "-r", "-T", "/t") == "ok\n"


def test_overlay(box):
    top = os.path.join(box.dir, "top")
    os.makedirs(os.path.join(top, "etc"))
    with open(os.path.join(top, "etc/plain"), "w", encoding="utf-8") as f:
        f.write("top\n")
    box.own(top)
    assert box.sh("cat /etc/plain; echo new > /etc/plain; rm /etc/group; cat /etc/plain",
                  "-o", box.dir, "-l", top) == "top\nnew\n"
    with open(box.path("etc/plain"), encoding="utf-8") as f:
        assert f.read() == "plain\n"
    upper = os.path.join(box.dir, "upper/etc")
    assert sorted(os.listdir(upper)) == ["group", "plain"]
    assert box.sh("cat /etc/plain; ls /etc", "-o", box.dir, "-l", top) == "new\npasswd\nplain\n"


def test_many_layers(box):
    options = []
    for i in range(30):
        layer = os.path.join(box.dir, f"layer{i}")
        os.mkdir(layer)
        with open(os.path.join(layer, "last"), "w", encoding="utf-8") as f:
            f.write(f"{i}\n")
        options += ["-l", layer]
        box.own(layer)
    assert box.sh("cat /last", "-o", box.dir, *options) == "29\n"


def test_volatile_overlay_is_not_mounted_twice(box):
    assert box.sh("echo ok", "-V", "-o", box.dir) == "ok\n"
    text = box.fails(125, "cannot mount overlay", "-V", "-o", box.dir)
    assert "incompat/volatile" in text or "volatile" in text or "Invalid argument" in text


def test_network_none(box):
    out = box.sh("ls /sys/class/net; cat /proc/net/dev | wc -l; "
                 "cat /proc/sys/net/ipv4/ping_group_range", "-n")
    assert fields(out) == ["lo", "3", "0", "0"]
    assert "UP" in box.sh("ip link show lo", "-n")


def test_hostname(box):
    before = os.uname().nodename
    assert box.sh("hostname", "-h", "inside") == "inside\n"
    assert os.uname().nodename == before


def test_no_user_namespace_inside(box):
    done = box.run(command=("/bin/unshare", "-U", "true"))
    assert done.returncode != 0
    if box.user.kind != "root":
        assert box.sh("cat /proc/sys/user/max_user_namespaces") == "0\n"


def test_own_cgroup_namespace(box):
    assert "0::/\n" in box.sh("cat /proc/self/cgroup")


def test_no_new_privs(box):
    assert fields(box.sh("grep NoNewPrivs /proc/self/status", "-P"))[1] == "1"
    assert fields(box.sh("grep NoNewPrivs /proc/self/status"))[1] == "0"


def test_filter_is_loaded(box):
    assert fields(box.sh("grep Seccomp: /proc/self/status"))[1] == "2"


@pytest.mark.parametrize("command,status,text", [
    ("nope", 127, 'exec: "nope": executable file not found in $PATH'),
    ("/nope", 127, 'exec: "/nope": stat /nope: no such file or directory'),
    ("/etc/passwd/x", 127, 'exec: "/etc/passwd/x": stat /etc/passwd/x: not a directory'),
    ("/etc/passwd", 126, 'exec: "/etc/passwd": permission denied'),
    ("/etc", 126, 'exec: "/etc": is a directory'),
    ("/bad", 126, "exec /bad: exec format error"),
    ("/script", 127, "exec /script: no such file or directory"),
    ("", 127, 'exec: "": executable file not found in $PATH'),
])
def test_exec_failures(box, command, status, text):
    for name, content in (("bad", "\x01\x02"), ("script", "#!/no/such/interpreter\n")):
        with open(box.path(name), "w", encoding="utf-8") as f:
            f.write(content)
        os.chmod(box.path(name), 0o755)
    box.fails(status, text, command=(command,))


def test_path_is_the_containers(box):
    os.mkdir(box.path("opt"))
    os.symlink("/bin/busybox", box.path("opt/echo"))
    assert box.run("-e", "PATH=/opt", command=("echo", "hi")).stdout == "hi\n"
    box.fails(127, "not found in $PATH", "-e", "PATH=/nowhere", command=("echo", "hi"))


def test_status_and_signal(box):
    assert box.run(command=("/bin/sh", "-c", "exit 7")).returncode == 7
    assert box.run("-i", command=("/bin/sh", "-c", "exit 7")).returncode == 7
    assert box.run("-i", command=("/bin/sh", "-c", "kill -9 $$")).returncode == 137


def test_init_reaps(box):
    script = "(sleep 0.05 &) ; sleep 0.3; cat /proc/[0-9]*/stat | grep -c ') Z '"
    done = box.run("-i", command=("/bin/sh", "-c", script))
    assert (done.returncode, done.stdout) == (1, "0\n")


def test_init_is_closed_to_the_container(box):
    for name in ("exe", "root", "cwd", "fd/0"):
        done = box.run("-i", command=("/bin/readlink", f"/proc/1/{name}"))
        assert done.returncode != 0 and done.stdout == "", name
    assert "ermission denied" in box.run("-i", command=("/bin/cat", "/proc/1/environ")).stderr


def test_stdout_can_be_reopened_by_the_user(box):
    for who in ("0", "alice"):
        script = "echo one > /dev/stdout; echo two > /proc/self/fd/1"
        argv = box.argv("-u", who, box.root, "/bin/sh", "-c", script)
        # The pipe is the account's own, as in a shell.
        done = box.user.exec(["/bin/sh", "-c", '"$@" | cat', "sh", *argv])
        assert (done.stdout, done.stderr) == ("one\ntwo\n", "")


def test_directory_as_stdio_is_refused(box):
    fd = os.open("/", os.O_RDONLY)
    try:
        box.fails(125, "descriptor 0 is a directory", stdin=fd)
    finally:
        os.close(fd)


def test_terminal(box):
    out = box.sh("tty; readlink /dev/console; test -t 0 && test -t 1 && test -t 2 && echo all; "
                 "stat -c %u /dev/pts/0", "-t")
    assert out.replace("\r", "").split() == ["/dev/pts/0", "pts/0", "all", "0"]
    out = box.sh("stat -c %u /dev/pts/0; echo x > /dev/tty", "-t", "-u", "alice")
    assert out.replace("\r", "").split() == ["1000", "x"]


def test_dies_before_release_with_its_parent(box):
    p = box.user.popen(box.argv("-H", box.root, "true"), stdout=subprocess.PIPE, text=True)
    pid = int(p.stdout.readline())
    assert os.path.exists(f"/proc/{pid}")
    p.send_signal(signal.SIGKILL)
    p.wait()
    for _ in range(100):
        if not os.path.exists(f"/proc/{pid}"):
            break
        time.sleep(0.02)
    assert not os.path.exists(f"/proc/{pid}")


def test_holds_only_its_own_end_before_release(box):
    """With the parent's end of the pair in hand it would never see that the parent has died."""
    p = box.user.popen(box.argv("-H", box.root, "true"), stdout=subprocess.PIPE, text=True)
    try:
        fds = f"/proc/{int(p.stdout.readline())}/fd"
        links = [os.readlink(os.path.join(fds, name)) for name in os.listdir(fds)]
        assert sum(link.startswith("socket:") for link in links) == 1
    finally:
        p.kill()
        p.wait()


def test_entry_point_is_our_own_executable(box):
    """CVE-2019-5736: what runs is our program without arguments, and nobody can write it."""
    before = open(box.tool, "rb").read()
    box.run("-S", command=("/proc/self/exe",))
    done = box.run("-S", "-i", "-U", "-c", str(0x1ffffffffff), command=(
        "/bin/sh", "-c", "for i in 1 2 3; do echo broken > /proc/1/exe; done"))
    assert done.returncode != 0
    assert open(box.tool, "rb").read() == before


def nested(box, *outer):
    """argv for the driver inside a container of the driver, which is the root file system."""
    inside = box.path("run_tool")
    subprocess.run(["cp", box.tool, inside], check=True)
    for lib in subprocess.run(["ldd", box.tool], capture_output=True, text=True,
                              check=False).stdout.split():
        if lib.startswith("/"):
            os.makedirs(os.path.dirname(box.path(lib[1:])), exist_ok=True)
            subprocess.run(["cp", "-L", lib, box.path(lib[1:])], check=True)
    return box.argv(*outer, box.root, "/run_tool")


NO_RESOURCE = str(0x1ffffffffff & ~(1 << 24))  # root of this machine may lack CAP_SYS_RESOURCE


@pytest.mark.parametrize("user", ["root"], indirect=True)
def test_container_in_a_container(box):
    argv = nested(box, "-c", NO_RESOURCE, "-n")
    done = box.user.exec([*argv, "-m", "none", "-n", "/", "/bin/sh", "-c", "id -u; ls /proc/self/fd"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["0", "0", "1", "2", "3"]


@pytest.mark.parametrize("user", ["root"], indirect=True)
def test_masked_outer_proc_is_cloned_and_said(box):
    argv = nested(box, "-c", NO_RESOURCE, "-n")
    done = box.user.exec([*argv, "-m", "single", "-n", "/", "/bin/sh", "-c",
                          "id -u; cat /proc/keys; echo x > /proc/sys/vm/swappiness"])
    assert done.stdout == "0\n"
    assert done.returncode != 0 and "Read-only file system" in done.stderr
    assert "the container sees the /proc of the surrounding container" in done.stderr


@pytest.mark.parametrize("user", ["root"], indirect=True)
@pytest.mark.parametrize("ids", ["none", "single"])
def test_mounts_in_the_cloned_sys_are_masked(box, ids):
    """As selinuxfs is on many hosts, and what a surrounding container masks itself."""
    done = box.user.exec([
        "unshare", "-m", "/bin/sh", "-c", "mount -t tmpfs none /sys/firmware && "
        'touch /sys/firmware/shown && exec "$@"', "sh",
        *box.argv("-m", ids, box.root, "/bin/sh", "-c", "ls -A /sys/firmware; ls -d /sys/fs")])
    assert (done.returncode, done.stdout, done.stderr) == (0, "/sys/fs\n", "")


def test_filtered_container_says_why(box):
    argv = nested(box, "-n")
    done = box.user.exec([*argv, "-m", "none", "-n", "/", "/bin/true"])
    assert done.returncode == 125
    assert ("cannot make namespaces: this root has no CAP_SYS_ADMIN, or a surrounding container "
            "filters the call") in done.stderr
    done = box.user.exec([*argv, "-m", "single", "-n", "/", "/bin/true"])
    assert done.returncode == 125
    assert "cannot make a user namespace: Operation not permitted" in done.stderr
    assert "seccomp=unconfined" in done.stderr


def test_two_starts_before_a_release(box):
    """The second one cannot share our memory as the first does."""
    done = box.run("-2", command=("/bin/sh", "-c", "id -u; exit 4"))
    assert (done.returncode, done.stdout, done.stderr) == (4, "0\n0\n", "")


@pytest.mark.parametrize("user", ["sub", "nosub"], indirect=True)
def test_root_of_a_user_namespace(box):
    for how in ("none", "single"):
        argv = ["unshare", "-Ur", *box.argv("-m", how, "-n", box.root, "/bin/id", "-u")]
        done = box.user.exec(argv)
        assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_host_root_as_root_directory(box):
    done = box.user.exec(box.argv("-n", "/", "/bin/sh", "-c", "ls -d /proc/1 /dev/null; exit 3"))
    assert (done.returncode, done.stdout) == (3, "/dev/null\n/proc/1\n")


SCOPE = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
try:
    s.connect("\\0" + sys.argv[1])
    print("connected")
except OSError as e:
    print(e.strerror)
own = socket.socket(socket.AF_UNIX)
own.bind("\\0inside-" + str(os.getpid()))
own.listen()
socket.socket(socket.AF_UNIX).connect(own.getsockname())
print("inside")
"""


def landlock_abi():
    return ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1)


@pytest.mark.skipif(landlock_abi() < 6, reason="the kernel has no landlock scopes (ABI 6)")
@pytest.mark.parametrize("options,answer", [
    ((), "Operation not permitted"), (("-P",), "Operation not permitted"),
    (("-n",), "Connection refused"), (("-a",), "connected")])
def test_abstract_sockets_of_the_host(box, options, answer):
    name = f"proa-scope-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("\0" + name)
        s.listen()
        done = box.user.exec(box.argv(*options, "/", "/usr/bin/python3", "-c", SCOPE, name))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{answer}\ninside\n", "")


@pytest.mark.parametrize("user", ["sub", "nosub"], indirect=True)
def test_no_room_for_a_keyring_ends_the_start(box):
    fill = ("import ctypes, os, sys\n"
            "libc = ctypes.CDLL(None, use_errno=True)\n"
            "n = 0\n"
            "while libc.syscall(248, b'user', b'k%d' % n, b'x', 1, -3) > 0: n += 1\n"
            "os.execv(sys.argv[1], sys.argv[1:])\n")
    done = box.user.exec(["/usr/bin/python3", "-c", fill, *box.argv(box.root, "/bin/true")])
    assert done.returncode == 125
    assert "cannot begin a session keyring: Disk quota exceeded" in done.stderr


@pytest.mark.parametrize("user", ["root"], indirect=True)
def test_mounts_below_a_bind_come_along(box):
    done = box.user.exec(["unshare", "-m", "/bin/sh", "-c", (
        'mkdir "$1/sub" && mount -t tmpfs none "$1/sub" && mkdir "$1/sub/two" && '
        'mount -t tmpfs none "$1/sub/two" && touch "$1/sub/two/deep" && shift && exec "$@"'), "sh",
        box.dir, *box.argv("-v", f"{box.dir}:/data", "-v", f"{box.canary}:/data/sub/two/more",
                           box.root, "/bin/ls", "/data/sub/two", "/data/sub/two/more")])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "/data/sub/two:\ndeep\nmore\n\n/data/sub/two/more:\nsecret\n"


@pytest.mark.parametrize("user", ["root"], indirect=True)
def test_a_read_only_mount_is_no_seal(box):
    """Somebody may remount it: what a container sees of us is on a mount without a name."""
    script = ('mkdir "$1/ro" && mount -t tmpfs none "$1/ro" && cp "$2" "$1/ro/run_tool" && '
              'mount -o remount,ro "$1/ro" && exe="$1/ro/run_tool" && shift 2 && exec "$exe" "$@"')
    done = box.user.exec([
        "unshare", "-m", "/bin/sh", "-c", script, "sh", box.dir, box.tool, "-S", "-i", "-U", "-c",
        NO_RESOURCE, box.root, "/bin/readlink", "/proc/1/exe"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "/\n", "")
