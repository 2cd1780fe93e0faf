"""proa run as each of the three users: what a command inside sees, and what comes back."""
import os
import re
import subprocess
import tarfile

import pytest

import images


def sh(user, script, *options, image="busybox", **kw):
    """Standard output of a shell script in a new container."""
    return user.ok("run", "--rm", *options, image, "sh", "-c", script, **kw)


def test_output_and_status(busybox):
    done = busybox.proa("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    assert busybox.leftovers() == []


def test_stdin_only_with_i(busybox):
    assert sh(busybox, "cat", "-i", stdin_text="hello\n") == "hello\n"
    assert sh(busybox, "cat", stdin_text="hello\n") == ""


def test_identity_is_root(busybox):
    assert sh(busybox, "id -u; id -g; cd; pwd; echo $HOME") == "0\n0\n/root\n/root\n"


def test_killed_by_signal_is_128_plus_n(busybox):
    done = busybox.proa("run", "--rm", "--init", "busybox", "sh", "-c", "kill -9 $$")
    assert done.returncode == 137
    done = busybox.proa("run", "--rm", "--init", "busybox", "sh", "-c", "kill -TERM $$")
    assert done.returncode == 143


def test_init_reaps_and_passes_status(busybox):
    script = "sleep 0.01 & sleep 0.01 & wait; exit 9"
    assert busybox.proa("run", "--rm", "--init", "busybox", "sh", "-c", script).returncode == 9
    assert sh(busybox, "cat /proc/1/comm", "--init").strip() != "sh"


def test_children_ignored_by_whoever_started_us(busybox):
    """The disposition survives exec: the kernel would then reap what we wait for."""
    command = busybox.command("run", "--rm", "busybox", "sh", "-c", "exit 3")
    done = busybox.exec(["/bin/bash", "-c", 'trap "" CHLD; exec "$@"', "bash", *command])
    assert (done.returncode, done.stderr) == (3, "")


def test_files_of_ours_can_be_read_under_any_umask(busybox):
    command = busybox.command("run", "--rm", "busybox", "sh", "-c",
                              "stat -c %a /etc/resolv.conf /etc/hosts /etc/hostname")
    done = busybox.exec(["/bin/sh", "-c", 'umask 077; exec "$@"', "sh", *command])
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["644"] * 3, "")


def test_command_not_found_is_127(busybox):
    text = busybox.fails(127, "run", "--rm", "busybox", "no-such-program")
    assert 'exec: "no-such-program": executable file not found in $PATH' in text
    assert busybox.leftovers() == []


def test_not_executable_is_126(busybox):
    text = busybox.fails(126, "run", "--rm", "busybox", "/etc/passwd")
    assert "/etc/passwd" in text and "ermission denied" in text


def test_directory_is_126(busybox):
    busybox.fails(126, "run", "--rm", "busybox", "/etc")


def test_unknown_flag_is_125_with_usage(busybox):
    text = busybox.fails(125, "run", "--rmm", "busybox")
    assert "unknown flag: --rmm" in text and "proa run --help" in text


def test_unknown_image_is_125(busybox):
    text = busybox.fails(125, "run", "--rm", "--pull=never", "no-such-image")
    assert "no-such-image" in text


def test_environment(busybox):
    out = sh(busybox, "env", "-e", "A=1", "-e", "B=x y", "-e", "HOSTVAR", "-e", "UNSET_VAR",
             env={"HOSTVAR": "from host", "SECRET": "canary"})
    assert "A=1\n" in out and "B=x y\n" in out and "HOSTVAR=from host\n" in out
    assert "UNSET_VAR" not in out and "canary" not in out
    assert "PATH=/bin:/usr/bin\n" in out


def test_env_file_is_raw(busybox):
    path = os.path.join(busybox.home, "env")
    with open(path, "w", encoding="utf-8") as f:
        f.write('# comment\nQ="quoted"\nEMPTY=\n')
    os.chmod(path, 0o644)
    out = sh(busybox, "env", "--env-file", path)
    assert 'Q="quoted"\n' in out and "EMPTY=\n" in out


def test_workdir_is_made(busybox):
    assert sh(busybox, "pwd; ls -ld . | cut -c1-10", "-w", "/srv/deep/er") == \
        "/srv/deep/er\ndrwxr-xr-x\n"


def test_relative_workdir_is_refused(busybox):
    text = busybox.fails(125, "run", "--rm", "-w", "rel", "busybox", "true")
    assert "absolute path" in text


@pytest.mark.parametrize("spec,expected", [
    ("1000", "uid=1000(alice) gid=1000(alice)"),
    ("alice", "uid=1000(alice) gid=1000(alice)"),
    ("alice:audio", "uid=1000(alice) gid=29(audio)"),
    ("4242", "uid=4242 gid=0(root)"),
])
def test_user(busybox, spec, expected):
    if busybox.kind == "nosub" and ":" not in spec:
        # one id only: it is the caller that stands behind whatever uid is asked for
        uid = expected.split()[0]
        assert sh(busybox, "id", "-u", spec).startswith(uid)
        return
    if busybox.kind == "nosub":
        return
    assert sh(busybox, "id", "-u", spec).startswith(expected)


@pytest.mark.parametrize("spec", ["nobody-here", "-1", "0x0", "4294967296", " 1"])
def test_bad_user_is_refused(busybox, spec):
    done = busybox.proa("run", "--rm", "--user=" + spec, "busybox", "true")
    assert done.returncode in (125, 126) and done.stderr.startswith("proa: run: ")


def test_files_made_by_user_belong_to_caller(people, busybox_archive):
    """With a single map, -u 1000 is the caller, so files on a bind mount are the caller's."""
    user = people["nosub"]
    user.proa("load", "-i", busybox_archive)
    place = os.path.join(user.home, "mine")
    os.makedirs(place, exist_ok=True)
    os.chown(place, user.uid, user.gid)
    sh(user, "touch /m/f", "-u", "1000", "-v", f"{place}:/m")
    assert os.stat(os.path.join(place, "f")).st_uid == user.uid


def test_bind_mount(busybox):
    place = os.path.join(busybox.home, "bind")
    os.makedirs(place, exist_ok=True)
    os.chown(place, busybox.uid, busybox.gid)
    sh(busybox, "echo data > /data/file", "-v", f"{place}:/data")
    with open(os.path.join(place, "file"), encoding="utf-8") as f:
        assert f.read() == "data\n"
    done = busybox.proa("run", "--rm", "-v", f"{place}:/data:ro", "busybox",
                        "sh", "-c", "echo x > /data/file")
    assert done.returncode == 1 and "Read-only file system" in done.stderr
    out = sh(busybox, "cat /data/file", "--mount", f"type=bind,src={place},dst=/data,ro")
    assert out == "data\n"


def test_bind_file(busybox):
    path = os.path.join(busybox.home, "one")
    with open(path, "w", encoding="utf-8") as f:
        f.write("single\n")
    os.chown(path, busybox.uid, busybox.gid)
    assert sh(busybox, "cat /etc/one", "-v", f"{path}:/etc/one") == "single\n"


def test_relative_bind_source(busybox):
    place = os.path.join(busybox.home, "rel")
    os.makedirs(place, exist_ok=True)
    os.chown(place, busybox.uid, busybox.gid)
    assert sh(busybox, "ls -d /r", "-v", "./rel:/r") == "/r\n"


def test_missing_mount_source_is_an_error(busybox):
    text = busybox.fails(125, "run", "--rm", "--mount", "type=bind,src=/no/such,dst=/x",
                         "busybox", "true")
    assert "/no/such" in text


def test_tmpfs(busybox):
    out = sh(busybox, "grep ' /t ' /proc/mounts", "--tmpfs", "/t:size=64k,mode=700")
    assert "tmpfs" in out and "size=64k" in out and "mode=700" in out
    out = sh(busybox, "grep ' /t ' /proc/mounts", "--mount",
             "type=tmpfs,dst=/t,tmpfs-size=65536")
    assert "size=64k" in out


def test_read_only(busybox):
    done = busybox.proa("run", "--rm", "--read-only", "busybox", "touch", "/x")
    assert done.returncode == 1 and "Read-only file system" in done.stderr
    sh(busybox, "echo ok > /t/x", "--read-only", "--tmpfs", "/t")


def test_entrypoint(busybox):
    assert busybox.ok("run", "--rm", "--entrypoint", "echo", "busybox", "a", "b") == "a b\n"
    text = busybox.fails(125, "run", "--rm", "--entrypoint", "", "busybox")
    assert "no command specified" in text


def test_hostname(busybox):
    assert sh(busybox, "hostname; cat /etc/hostname", "-h", "box") == "box\nbox\n"
    out = sh(busybox, "hostname; echo $HOSTNAME", "--network", "none").split()
    assert out[0] == out[1] and re.fullmatch("[0-9a-f]{12}", out[0])


def test_network_none_has_only_loopback(busybox):
    out = sh(busybox, "ls /sys/class/net; cat /etc/hosts", "--network", "none")
    assert out.split("\n")[0] == "lo" and "localhost" in out


def test_network_host_is_the_default(busybox):
    host = sorted(os.listdir("/sys/class/net"))
    assert sh(busybox, "ls /sys/class/net").split() == host
    text = busybox.fails(125, "run", "--rm", "--network", "bridge", "busybox", "true")
    assert "bridge" in text


def test_capabilities(busybox):
    show = "grep CapEff /proc/self/status | tr -d '\\t '"
    assert sh(busybox, show) == "CapEff:00000000800405fb\n"
    assert sh(busybox, show, "--cap-drop", "ALL") == "CapEff:0000000000000000\n"
    assert sh(busybox, show, "--cap-drop", "all", "--cap-add", "chown") == \
        "CapEff:0000000000000001\n"
    text = busybox.fails(125, "run", "--rm", "--cap-add", "NO_SUCH", "busybox", "true")
    assert "NO_SUCH" in text


def test_no_new_privileges(busybox):
    show = "grep NoNewPrivs /proc/self/status | cut -f2"
    assert sh(busybox, show) == "0\n"
    assert sh(busybox, show, "--security-opt", "no-new-privileges") == "1\n"


def test_seccomp_is_on_and_can_be_turned_off(busybox):
    show = "grep ^Seccomp: /proc/self/status | cut -f2"
    assert sh(busybox, show) == "2\n"
    assert sh(busybox, show, "--security-opt", "seccomp=unconfined") == "0\n"


def test_ulimit(busybox):
    assert sh(busybox, "ulimit -n; ulimit -Hn", "--ulimit", "nofile=100:200") == "100\n200\n"
    assert sh(busybox, "ulimit -c") == "0\n"


def test_only_three_descriptors_are_open(busybox):
    names = sh(busybox, "ls /proc/self/fd").split()
    assert names == ["0", "1", "2", "3"]  # 3 is ls reading the directory


def test_masked_paths(busybox):
    out = busybox.proa("run", "--rm", "busybox", "sh", "-c",
                       "wc -c < /proc/keys; echo x > /proc/sys/kernel/core_pattern")
    assert out.stdout == "0\n" and out.returncode != 0
    assert "Read-only file system" in out.stderr


def test_devices(busybox):
    out = sh(busybox, "cd /dev; for d in null zero full random urandom tty; do "
                      "test -c $d && echo $d; done; ls -d pts shm mqueue ptmx fd stdin stdout")
    assert out.split() == ["null", "zero", "full", "random", "urandom", "tty", "fd", "mqueue",
                           "ptmx", "pts", "shm", "stdin", "stdout"]


def test_stdout_can_be_reopened_by_the_user(busybox):
    script = "echo reopened > /dev/stdout"
    assert sh(busybox, script) == "reopened\n"
    assert sh(busybox, script, "-u", "1000") == "reopened\n"


def test_root_directory_has_the_images_attributes(user, scratch):
    """Overlay shows the writable layer's root: it gets what the image says of "/"."""
    path = os.path.join(scratch, "root-attributes.tar")
    if not os.path.exists(path):
        places = [(name, {"kind": tarfile.DIRTYPE, "mode": 0o755})
                  for name in ("proc", "sys", "dev")]  # else these are made, which is seen
        layer = images.busybox_tar(extra=places + [("./", {"kind": tarfile.DIRTYPE, "mode": 0o711,
                                                  "uid": 1000, "gid": 29})])
        images.docker_archive(path, ["root-attributes:1"], [layer])
    user.ok("load", "-i", path)
    out = sh(user, "stat -c '%a %u:%g %Y' /", image="root-attributes:1").strip()
    owner = "0:0" if user.kind == "nosub" else "1000:29"
    assert out == f"711 {owner} 1700000000"
    # Its root is closed to the user, which is no reason to keep it.
    layers = os.listdir(os.path.join(user.store, "layers"))
    user.ok("rmi", "root-attributes:1")
    assert len(os.listdir(os.path.join(user.store, "layers"))) < len(layers)


def test_pid_one_and_private_proc(busybox):
    assert sh(busybox, "echo $$; ls -d /proc/[0-9]* | wc -l").split()[0] == "1"


def test_cidfile(busybox):
    path = os.path.join(busybox.home, "cid")
    if os.path.exists(path):
        os.unlink(path)
    sh(busybox, "true", "--cidfile", path)
    with open(path, encoding="utf-8") as f:
        assert re.fullmatch("[0-9a-f]{64}", f.read())
    text = busybox.fails(125, "run", "--rm", "--cidfile", path, "busybox", "true")
    assert "container ID file found" in text


def test_rootfs_directory(user, busybox_rootfs):
    out = user.ok("run", "--rm", "--read-only", "--network", "none", "--rootfs", busybox_rootfs,
                  "/bin/sh", "-c", "echo in rootfs")
    assert out == "in rootfs\n"
    assert user.leftovers() == []


def test_signals_are_passed_on(busybox):
    script = "trap 'echo got; exit 3' TERM; echo ready; while :; do sleep 0.05; done"
    p = busybox.popen(busybox.command("run", "--rm", "busybox", "sh", "-c", script),
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    p.terminate()
    out, err = p.communicate(timeout=20)
    assert (out, err, p.returncode) == ("got\n", "", 3)
    assert busybox.leftovers() == []


def test_large_output_is_complete(busybox):
    out = sh(busybox, "seq 1 200000")
    assert out == "".join(f"{i}\n" for i in range(1, 200001))


def test_container_dies_with_its_command(busybox):
    """kill -9 of the foreground command ends the container, too."""
    mark = f"sleep 98{os.getpid() % 1000}"
    p = busybox.popen(busybox.command("run", "--rm", "busybox", "sh", "-c", f"echo up; {mark}"),
                      stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "up\n"
    p.kill()
    p.wait()
    assert p.stdout.read() == ""  # the last writer is gone
    alive = subprocess.run(["pgrep", "-f", mark], capture_output=True, text=True, check=False)
    assert alive.stdout == ""
    for cid in busybox.ok("ps", "-aq").split():
        busybox.ok("rm", cid)
