"""A terminal with a person at it: a pty that a command runs on, with keys, size and modes."""
import errno
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

TIMEOUT = 20


class Terminal:
    """Runs one command of an account in a session of its own whose terminal we hold."""

    def __init__(self, user, argv, rows=24, cols=80, owned=True, **kw):
        self.user = user
        self.master, self.slave = pty.openpty()
        self.resize(rows, cols)
        if owned:  # as after a login; a terminal of somebody else's is what su leaves
            os.fchown(self.slave, user.uid, -1)
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        self.process = user.popen(argv, **{
            "stdin": self.slave, "stdout": self.slave, "stderr": self.slave,
            "start_new_session": True,
            "preexec_fn": lambda: fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0),
            "pass_fds": (self.slave,), **kw})

    def resize(self, rows, cols):
        """As a terminal emulator does; the kernel then sends SIGWINCH to the foreground."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def type(self, text):
        data = text.encode()
        while data:
            data = data[os.write(self.master, data):]

    def read_some(self, timeout):
        """Move what the terminal shows into self.text; False when there was nothing."""
        ready, _, _ = select.select([self.master], [], [], timeout)
        if not ready:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError as e:
            if e.errno == errno.EIO:
                return False
            raise
        self.text += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern, timeout=TIMEOUT):
        """Wait for a regular expression, take everything up to its end, return the match."""
        end = time.monotonic() + timeout
        while True:
            match = re.search(pattern, self.text)
            if match:
                self.text = self.text[match.end():]
                return match
            left = end - time.monotonic()
            assert left > 0, f"no {pattern!r} on the terminal, but {self.text!r}"
            self.read_some(min(left, 0.2))

    def wait(self, timeout=TIMEOUT):
        """Exit status; what is shown meanwhile is kept in self.text."""
        end = time.monotonic() + timeout
        while self.process.poll() is None:
            assert time.monotonic() < end, f"still running; terminal: {self.text!r}"
            self.read_some(0.05)
        while self.read_some(0):
            pass
        return self.process.returncode

    def modes(self):
        """iflag, oflag, cflag, lflag and characters, without speeds."""
        return termios.tcgetattr(self.slave)

    def is_raw(self):
        return not self.modes()[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def wait_raw(self, want=True):
        end = time.monotonic() + TIMEOUT
        while self.is_raw() != want:
            assert time.monotonic() < end, f"terminal raw: {self.is_raw()}, wanted {want}"
            self.read_some(0.02)

    def pending_input(self):
        """Bytes that somebody has put into the terminal's input, complete lines or not."""
        modes = self.modes()
        modes[3] &= ~termios.ICANON
        termios.tcsetattr(self.slave, termios.TCSANOW, modes)
        return struct.unpack("i", fcntl.ioctl(self.slave, termios.FIONREAD, b"\0" * 4))[0]

    def hang_up(self):
        """Close the window: nobody has the master any more."""
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = None

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fd in (self.master, self.slave):
            if fd is not None:
                os.close(fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
