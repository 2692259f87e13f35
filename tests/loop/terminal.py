"""A program in a terminal of a given size: keys go in, the screen is read. The screen is kept by pyte, a terminal emulator."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

import pyte

PATIENCE = 300.0  # seconds that a wait may take; a compiler on a busy machine may stand behind it


class Terminal:
    def __init__(self, command: list[str], rows: int = 24, columns: int = 80, **environment: str) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""  # all that came
        try:
            self._pid, self._terminal = pty.fork()
        except OSError as reason:  # as in a root directory without /dev/pts
            print(f"needs a pseudo-terminal: {reason}")
            sys.exit(77)
        if self._pid == 0:
            try:
                os.execvpe(command[0], command, {**os.environ, "TERM": "xterm-256color", **environment})
            finally:
                os._exit(127)
        self.resize(rows, columns)
        self.modes = self.modes_now()

    def resize(self, rows: int, columns: int) -> None:
        self.screen.resize(rows, columns)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def modes_now(self) -> list:
        return termios.tcgetattr(self._terminal)

    def press(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def read_some(self, limit: float = PATIENCE) -> bool:
        """Takes what comes within so many seconds; False at the end."""
        if not select.select([self._terminal], [], [], max(limit, 0))[0]:
            return True
        try:
            some = os.read(self._terminal, 65536)
        except OSError:  # EIO: the program has closed its end
            some = b""
        self.written += some
        self._stream.feed(some)
        return some != b""

    def wait_for(self, *words: str) -> str:
        """Until all the words stand on the screen; the screen."""
        end = time.monotonic() + PATIENCE
        while not all(word in self.text() for word in words):
            if time.monotonic() > end or not self.read_some(end - time.monotonic()):
                raise AssertionError(f"no {words!r} on the screen:\n{self.text()}")
        return self.text()

    def end(self) -> int:
        """Waits for the program's end: its exit status, or minus the number of the signal that killed it."""
        end = time.monotonic() + PATIENCE
        while self.read_some(end - time.monotonic()):
            if time.monotonic() > end:
                raise AssertionError(f"it does not end; the screen:\n{self.text()}")
        status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        self._pid = 0
        return status

    def send_signal(self, number: int) -> None:
        os.kill(self._pid, number)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._terminal)
