"""Signals on their way from us to the program in the guest, as `docker run` passes them on.

The second SIGINT (SIGTERM, SIGHUP, SIGQUIT) ends the machine at once, since a program need not heed the first. After
SIGTERM the program has as long as `docker stop` gives it; then it is killed. Before there is a program, such a signal
ends us.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable

SIGNALLED = 128
"""The status of a program that signal n killed is 128 + n."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
PASSED_ON = (*ENDING, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)
PATIENCE = 10.0
"""Seconds from SIGTERM to SIGKILL, as `docker stop` has it."""
LAST_PATIENCE = 5.0
"""Seconds that the machine has to carry out SIGKILL and end by itself."""

Send = Callable[[int], None]


class Relay:
    """Takes our signals: passes them on once there is a program, or cancels the job."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self.status: int | None = None
        """What to end with, once the job was cancelled by a signal."""
        self._patience = patience
        self._send: Send | None = None
        self._received: Counter[int] = Counter()
        self._early: list[int] = []
        self._task: asyncio.Future[int] | None = None
        self._resize: Callable[[], None] | None = None
        self._had_terminal = has_terminal()

    async def supervise(self, job: Awaitable[int]) -> int:
        """Do `job`, and take our signals meanwhile; its status, or 128 + n if signal n ended it."""
        loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(job)
        for number in PASSED_ON:
            loop.add_signal_handler(number, self.receive, number)
        try:
            return await self._task
        except asyncio.CancelledError:
            if self.status is None:
                raise
            return self.status
        finally:
            for number in PASSED_ON:
                loop.remove_signal_handler(number)

    def attach(self, send: Send) -> None:
        """There is a program: from now on `send` passes a signal on to it."""
        self._send = send
        for number in self._early:
            send(number)

    def on_resize(self, action: Callable[[], None]) -> None:
        """The program has a terminal of its own: it hears from that of another size, which `action` sets."""
        self._resize = action

    def detach(self) -> None:
        """The program has ended."""
        self._send = None

    def receive(self, number: int) -> None:
        """A signal came to us."""
        self._received[number] += 1
        if number in ENDING and (self._send is None or self._received[number] > 1 or self._is_hung_up(number)):
            self._end(number)
        elif self._send is not None:
            if number == signal.SIGWINCH and self._resize is not None:
                self._resize()
            else:
                self._send(number)
            if number == signal.SIGTERM:
                asyncio.get_running_loop().call_later(self._patience, self._kill)
        elif number != signal.SIGWINCH:
            self._early.append(number)

    def _is_hung_up(self, number: int) -> bool:
        """Whether nobody can see or ask for anything any more: our terminal is gone, which SIGHUP tells."""
        return number == signal.SIGHUP and self._had_terminal and not has_terminal()

    def _kill(self) -> None:
        """The program has not ended by SIGTERM in time."""
        if self._send is not None:
            self._send(signal.SIGKILL)
            asyncio.get_running_loop().call_later(LAST_PATIENCE, self._end, signal.SIGKILL)

    def _end(self, number: int) -> None:
        """End the machine."""
        assert self._task is not None, "signals are taken while there is a job"
        if self.status is None:
            self.status = SIGNALLED + number
        self._task.cancel()


def has_terminal() -> bool:
    """Whether we have a controlling terminal (tty(4))."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
