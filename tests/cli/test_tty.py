"""Terminals: -i and -t as people and shells use them, and what a container cannot reach by them."""
import os
import signal
import subprocess
import termios
import time

import pytest

from terminal import Terminal

SHELL_PROMPT = r"/ # (\x1b\[6n)?$"  # busybox asks where the cursor is

TIOCSTI = r"""
#include <stdio.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
	static const char *const text = "echo stolen\n";
	int done = 0;
	for (int fd = 0; fd < 3; fd++)
		for (const char *c = text; *c; c++) {
			done += syscall(SYS_ioctl, fd, 0x5412UL, c) == 0;
			done += syscall(SYS_ioctl, fd, 0x5412UL | (1UL << 32), c) == 0;
			done += syscall(SYS_ioctl, fd, 0x541cUL, c) == 0;
		}
	printf("%d terminals\n", isatty(0) + isatty(1) + isatty(2));
	return 0;
}
"""


@pytest.fixture
def one(people, busybox_archive):
    """One account, for what does not depend on whose container it is."""
    user = people["sub"]
    if user.proa("inspect", "--type", "image", "busybox:latest").returncode != 0:
        user.ok("load", "-i", busybox_archive)
    return user


def run(user, *args, **kw):
    return Terminal(user, user.command("run", "--rm", *args), **kw)


def test_status_and_modes_come_back(busybox):
    with run(busybox, "-it", "busybox", "sh") as t:
        t.expect(SHELL_PROMPT)
        assert t.is_raw()
        t.type("tty; exit 42\n")
        t.expect(r"/dev/(pts/0|console)\r\n")
        assert t.wait() == 42
        assert t.modes() == t.before
    assert busybox.leftovers() == []


def test_terminal_of_somebody_else(people, busybox_archive):
    """After su the terminal cannot be opened again: it is used as it is."""
    user = people["nosub"]
    if user.proa("inspect", "--type", "image", "busybox:latest").returncode != 0:
        user.ok("load", "-i", busybox_archive)
    with run(user, "-it", "busybox", "sh", owned=False) as t:
        t.expect(SHELL_PROMPT)
        t.type("echo a$((1+1))b; exit 4\n")
        t.expect("a2b\r\n")
        assert t.wait() == 4
        assert t.modes() == t.before


def test_every_stream_is_the_container_s_own_terminal(busybox):
    script = "for fd in 0 1 2; do test -t $fd && readlink /proc/self/fd/$fd; done"
    with run(busybox, "-it", "busybox", "sh", "-c", script) as t:
        assert t.wait() == 0
        assert t.text == "/dev/pts/0\r\n" * 3


def test_window_size(busybox):
    with run(busybox, "-it", "busybox", "sh", rows=33, cols=101) as t:
        t.expect(SHELL_PROMPT)
        t.type("stty size\n")
        t.expect(r"33 101\r\n")
        t.resize(44, 90)
        for _ in range(50):
            t.type("stty size\n")
            if t.expect(r"(\d+ \d+)\r\n").group(1) == "44 90":
                break
            time.sleep(0.05)
        else:
            pytest.fail("the new size did not arrive")
        t.type("exit\n")
        assert t.wait() == 0


def test_size_is_there_before_the_program(busybox):
    with run(busybox, "-it", "busybox", "stty", "size", rows=50, cols=132) as t:
        assert t.wait() == 0
        assert t.text == "50 132\r\n"


def test_interrupt_key_goes_inside(busybox):
    script = 'trap "echo got int; exit 3" INT; echo ready; while :; do sleep 0.1; done'
    with run(busybox, "-it", "busybox", "sh", "-c", script) as t:
        t.expect("ready\r\n")
        t.wait_raw()
        t.type("\x03")
        t.expect("got int\r\n")
        assert t.wait() == 3


def test_job_control_inside(busybox):
    with run(busybox, "-it", "busybox", "sh") as t:
        t.expect(SHELL_PROMPT)
        t.type("sleep 1000\n")
        t.expect("sleep 1000\r\n")
        time.sleep(0.3)
        t.type("\x1a")
        t.expect("Stopped")
        t.expect(SHELL_PROMPT)
        t.type("jobs; kill -9 %1; exit 7\n")
        t.expect(r"Stopped +sleep 1000")
        t.expect(SHELL_PROMPT + "|exit|jobs")
        t.type("exit 7\n")
        assert t.wait() == 7


def test_end_of_file_key(busybox):
    with run(busybox, "-it", "busybox", "cat") as t:
        t.wait_raw()
        t.type("line\n")
        t.expect("line\r\nline\r\n")
        t.type("\x04")
        assert t.wait() == 0


def test_stop_and_continue_the_client(busybox):
    """kill -TSTP proa: the shell gets a sane terminal; fg: proa gets it raw again."""
    with Terminal(busybox, ["/bin/bash", "--norc", "--noprofile", "-i"],
                  env={"PS1": "host> "}) as t:
        t.expect("host> ")
        t.type(" ".join(busybox.command("run", "--rm", "-it", "busybox", "sh")) + "\n")
        t.expect(SHELL_PROMPT)
        t.wait_raw()
        pid = os.tcgetpgrp(t.master)
        os.kill(pid, signal.SIGTSTP)
        t.expect("Stopped")
        t.expect("host> ")
        t.type("stty -a; fg\n")
        assert " icanon" in t.expect(r"(?s)speed.*echoke").group(0)
        t.wait_raw()
        t.type("echo in$((1+1))side; exit 6\n")
        t.expect("in2side\r\n")
        t.expect("host> ")
        t.type("echo status=$?; exit\n")
        t.expect("status=6\r\n")
        t.wait()


def test_background_job_waits_for_the_terminal(busybox):
    """proa run -it & must not take the terminal away from the shell."""
    with Terminal(busybox, ["/bin/bash", "--norc", "--noprofile", "-i"],
                  env={"PS1": "host> "}) as t:
        t.expect("host> ")
        t.type(" ".join(busybox.command("run", "--rm", "-it", "busybox", "sh")) + " &\n")
        t.expect("host> ")
        for _ in range(100):
            t.type("jobs\n")
            if "Stopped" in t.expect(r"(?s)jobs\r\n(.*?)host> ").group(1):
                break
            time.sleep(0.1)
        else:
            pytest.fail("the background job did not stop")
        t.type("fg\n")
        t.wait_raw()
        t.type("exit 8\n")
        t.expect("host> ")
        t.type("echo status=$?; exit\n")
        t.expect("status=8\r\n")
        t.wait()


def test_nothing_is_lost_on_a_terminal(busybox):
    """The program ends right behind its last byte."""
    with run(busybox, "-t", "busybox", "sh", "-c", "seq 1 60000") as t:
        assert t.wait(60) == 0
        while t.read_some(0.2):
            pass
        lines = t.text.split("\r\n")
        bad = [n for n in range(min(len(lines), 60000)) if lines[n] != str(n + 1)]
        assert (len(lines), bad[:3]) == (60001, [])


def test_much_input_on_a_terminal(busybox):
    with run(busybox, "-it", "busybox", "sh", "-c", "stty raw -echo; echo go; head -c 200000 | wc -c"
             ) as t:
        t.expect("go")
        data = b"x" * 200000
        os.set_blocking(t.master, False)
        while data:
            try:
                data = data[os.write(t.master, data):]
            except BlockingIOError:
                t.read_some(0.01)
        os.set_blocking(t.master, True)
        t.expect("200000")
        assert t.wait() == 0


def test_terminal_without_input(busybox):
    """-t alone: a terminal inside, keys stay outside, signals are passed on."""
    script = 'trap "exit 5" TERM; test -t 0 && echo terminal; while :; do sleep 0.1; done'
    with run(busybox, "-t", "busybox", "sh", "-c", script) as t:
        t.expect("terminal\r\n")
        assert not t.is_raw()
        t.process.send_signal(signal.SIGTERM)
        assert t.wait() == 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT])
def test_signals_are_passed_on_with_a_terminal(one, number):
    script = (f'trap "echo caught; exit 11" {int(number)}; echo ready; '
              'while :; do sleep 0.1; done')
    with run(one, "-it", "busybox", "sh", "-c", script) as t:
        t.expect("ready\r\n")
        t.process.send_signal(number)
        t.expect("caught\r\n")
        assert t.wait() == 11
        assert t.modes() == t.before


def container_processes(marker):
    """Host pids of processes whose command line holds the marker."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if marker.encode() in f.read().split(b"\0"):
                    found.append(int(pid))
        except OSError:
            pass
    return found


def test_killed_client_takes_the_container_along(busybox):
    marker = f"98765{busybox.uid}"
    with run(busybox, "-it", "busybox", "sleep", marker) as t:
        t.wait_raw()
        end = time.monotonic() + 10
        while len(container_processes(marker)) < 2:
            assert time.monotonic() < end
            time.sleep(0.05)
        t.process.kill()
        t.process.wait()
        while container_processes(marker):
            assert time.monotonic() < end, "the container outlived proa"
            time.sleep(0.05)
    busybox.proa("rm", "-f", *busybox.ok("ps", "-aq").split())


@pytest.mark.parametrize("flags", ["-it", "-t"])
def test_closed_window_hangs_up(one, flags):
    """The container's shell loses its terminal as it would without a container around it."""
    script = "echo ready; read line; read line"
    with run(one, flags, "busybox", "sh", "-c", script) as t:
        t.expect("ready\r\n")
        t.hang_up()
        assert t.process.wait(20) in (1, 129)
    assert one.leftovers() == []


def test_input_must_be_a_terminal(busybox):
    text = busybox.fails(125, "run", "--rm", "-it", "busybox", "true", stdin_text="x")
    assert "the input device is not a TTY" in text
    done = busybox.proa("run", "--rm", "-t", "busybox", "echo", "hi", text=False)
    assert (done.returncode, done.stdout) == (0, b"hi\r\n")
    assert busybox.leftovers() == []


# Without -t.


def test_no_terminal_is_passed_without_t(busybox):
    script = "for fd in 0 1 2; do test -t $fd; echo -n $?; done; exec tty"
    with run(busybox, "-i", "busybox", "sh", "-c", script) as t:
        assert t.wait() == 1
        assert t.text == "111not a tty\r\n"


def test_typed_lines_and_end_without_t(busybox):
    with run(busybox, "-i", "busybox", "cat") as t:
        t.type("abc\n")
        t.expect(r"abc\r\nabc\r\n")
        t.type("\x04")
        assert t.wait() == 0
        assert t.modes() == t.before


def test_input_is_empty_without_i(busybox):
    with run(busybox, "busybox", "sh", "-c", "cat; echo end") as t:
        t.expect("end\r\n")
        assert t.wait() == 0


def test_interrupt_key_without_t(busybox):
    script = 'trap "exit 5" INT; echo ready; while :; do sleep 0.1; done'
    with run(busybox, "busybox", "sh", "-c", script) as t:
        t.expect("ready\r\n")
        t.type("\x03")
        assert t.wait() == 5


@pytest.mark.parametrize("number", [
    signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR2, signal.SIGWINCH, signal.SIGALRM,
    signal.SIGRTMIN + 3])
def test_signals_are_passed_on(one, number):
    script = f'trap "exit 12" {int(number)}; echo ready; while :; do sleep 0.1; done'
    process = one.popen(one.command("run", "--rm", "busybox", "sh", "-c", script),
                            stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.wait(20) == 12


def test_stop_key_stops_client_without_t(busybox):
    with Terminal(busybox, ["/bin/bash", "--norc", "--noprofile", "-i"],
                  env={"PS1": "host> "}) as t:
        t.expect("host> ")
        script = "'echo re''ady; sleep 2; echo do''ne'"
        t.type(" ".join(busybox.command("run", "--rm", "busybox", "sh", "-c")) + f" {script}\n")
        t.expect("ready\r\n")
        t.type("\x1a")
        t.expect("Stopped")
        t.expect("host> ")
        t.type("fg\n")
        t.expect("done\r\n")
        t.expect("host> ")
        t.type("exit\n")
        t.wait()


def test_closed_reader_ends_the_writer(busybox):
    """Pipes are handed over as they are: SIGPIPE reaches the program itself."""
    process = busybox.popen(busybox.command("run", "--rm", "busybox", "yes"),
                            stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"y\n"
    process.stdout.close()
    assert process.wait(20) in (1, 141)


def test_stdout_can_be_reopened(busybox):
    """/dev/stdout works for another user as well, though the pipe is ours."""
    for options in ((), ("-u", "1000")):
        with run(busybox, *options, "busybox", "sh", "-c", "echo again > /dev/stdout") as t:
            assert t.wait() == 0, t.text
            assert t.text == "again\r\n"


@pytest.fixture(scope="session")
def tiocsti(scratch):
    """A static program that pushes a command line into every terminal it was given."""
    binary = os.path.join(scratch, "tiocsti")
    subprocess.run(["gcc", "-static", "-x", "c", "-", "-o", binary], input=TIOCSTI, text=True,
                   check=True)
    os.chmod(binary, 0o755)
    return binary


@pytest.mark.parametrize("flags", [("-i",), (), ("-t",), ("-it",)])
def test_nothing_can_be_typed_into_our_terminal(one, tiocsti, flags):
    """CVE-2016-10124, CVE-2017-5226, CVE-2019-10063, CVE-2023-28100."""
    with run(one, *flags, "-v", f"{tiocsti}:/tiocsti:ro", "busybox", "/tiocsti") as t:
        assert t.wait() == 0
        count = 3 if any("t" in f for f in flags) else 0
        assert f"{count} terminals" in t.text
        assert "stolen" not in t.text.replace("echo stolen", "")
        assert t.pending_input() == 0


def test_crash_of_the_client_leaves_a_sane_terminal(busybox):
    with run(busybox, "-it", "busybox", "sleep", "100") as t:
        t.wait_raw()
        t.process.send_signal(signal.SIGSEGV)
        assert t.wait() == -signal.SIGSEGV
        assert t.modes()[3] & termios.ECHO
        assert t.modes() == t.before
    busybox.proa("rm", "-f", *busybox.ok("ps", "-aq").split())
