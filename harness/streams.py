"""Streaming a program's standard files between the host and pipes of the agent.

One poll(2) of the agent waits for output, for the end of the program and, because it includes the agent's
channel, for the next request: so input is passed on the moment it comes.
"""

from __future__ import annotations

import asyncio
import errno
import os
import struct
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from harness.agent_protocol import both, out
from harness.guest import CHANNEL_FD, Guest

POLLIN, POLLOUT, POLLERR, POLLHUP = 1, 4, 8, 16
POLL_ENTRY = struct.Struct("<ihh")
CHUNK = 65536
"""What one read asks for: as much as a pipe holds."""
FOREVER = -1
TURN = 0.005
"""Seconds for which a stream leaves the agent to others, whose calls end its poll(2) at once."""

Sink = Callable[[bytes], None]
Errand = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Pipe:
    """Two descriptors of the agent."""

    read_end: int
    write_end: int


async def make_pipe(guest: Guest, flags: int) -> Pipe:
    """pipe2(2)."""
    ends = out(8)
    await guest.sys.pipe2(ends, flags)
    return Pipe(*struct.unpack("<ii", ends.content))


class HostInput:
    """Reads a descriptor of the host, whatever it is, in a thread: files, pipes and terminals alike."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._taken = threading.Event()
        self.content = b""
        self.is_finished = False
        self.arrived = asyncio.Event()
        threading.Thread(target=self._read, name="input", daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                content = os.read(self._descriptor, CHUNK)
            except OSError:
                content = b""
            try:
                self._loop.call_soon_threadsafe(self._arrive, content)
            except RuntimeError:  # the loop has ended
                return
            if not content:
                return
            self._taken.wait()
            self._taken.clear()

    def _arrive(self, content: bytes) -> None:
        self.content = content
        self.is_finished = not content
        self.arrived.set()

    def drop(self, length: int) -> None:
        """So many bytes have been passed on."""
        self.content = self.content[length:]
        if not self.content and not self.is_finished:
            self.arrived.clear()
            self._taken.set()


class GivenInput:
    """Input that is there from the start: bytes, and then the end."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.is_finished = not content
        self.arrived = asyncio.Event()
        self.arrived.set()

    def drop(self, length: int) -> None:
        """So many bytes have been passed on."""
        self.content = self.content[length:]
        self.is_finished = not self.content


class Streams:
    """The standard files of one program that runs."""

    def __init__(self, guest: Guest, pidfd: int, source: HostInput | GivenInput | None, input_fd: int | None) -> None:
        self._guest = guest
        self._pidfd = pidfd
        self._source = source
        self._input_fd = input_fd
        self._sinks: dict[int, Sink] = {}
        self._ended: list[int] = []
        """Descriptors that were read to the end; they are the caller's, or closed by `close_all`."""
        self._is_full = False
        self._errands: deque[Errand] = deque()
        self._errand_came = asyncio.Event()

    def add_output(self, descriptor: int, sink: Sink) -> None:
        """Pass what can be read from `descriptor` to `sink`."""
        self._sinks[descriptor] = sink

    def run_soon(self, errand: Errand) -> None:
        """Let `errand`, which makes one call of the guest, be done meanwhile, after those that still wait."""
        self._errands.append(errand)
        self._errand_came.set()

    async def until_ended(self) -> None:
        """Stream until the program has ended."""
        self._guest.programs += 1
        try:
            await self._until_ended()
        finally:
            self._guest.programs -= 1

    async def _until_ended(self) -> None:
        while True:
            ready = await self._wait()
            if ready.keys() == {CHANNEL_FD} and self._guest.programs > 1:
                await asyncio.sleep(TURN)
            for descriptor in [known for known in self._sinks if ready.get(known)]:
                await self._pass_output(descriptor)
            if self._input_fd is not None and ready.get(self._input_fd):
                self._is_full = False
                if ready[self._input_fd] & (POLLERR | POLLHUP):
                    await self.close_input()
            if ready.get(self._pidfd):
                return

    async def finish(self) -> None:
        """Pass on what the program has left in its pipes; what others still hold open is not waited for."""
        await self.close_input()
        for descriptor in list(self._sinks):
            while descriptor in self._sinks and await self._has_output(descriptor):
                await self._pass_output(descriptor)
        await self.close_all()

    async def _has_output(self, descriptor: int) -> bool:
        """Whether something can be read now, or it is the end."""
        entry = both(POLL_ENTRY.pack(descriptor, POLLIN, 0))
        return await self._guest.sys.poll(entry, 1, 0) > 0

    async def close_all(self) -> None:
        """Close our ends, those too that were read to the end."""
        await self.close_input()
        ends, self._ended = [*self._sinks, *self._ended], []
        self._sinks.clear()
        for descriptor in ends:
            await self._guest.sys.close(descriptor)

    async def drain(self) -> None:
        """Pass on the rest of the output, once nobody can add to it."""
        await self.close_input()
        for descriptor in list(self._sinks):
            while descriptor in self._sinks:
                if not await self._pass_output(descriptor):
                    self._sinks.pop(descriptor, None)

    async def _pass_output(self, descriptor: int) -> bool:
        """Pass on what can be read now, if anything can. A terminal that no program has open ends with EIO."""
        try:
            content = await self._guest.read(descriptor, CHUNK)
        except BlockingIOError:  # it was dropped: a key with a signal does that
            return False
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            content = b""
        if content:
            self._sinks[descriptor](content)
        else:
            del self._sinks[descriptor]
            self._ended.append(descriptor)
        return True

    async def _wait(self) -> dict[int, int]:
        """What is ready: poll events by descriptor. Passes input on meanwhile."""
        events = dict.fromkeys([*self._sinks, self._pidfd, CHANNEL_FD], POLLIN)
        if self._input_fd is not None:
            events[self._input_fd] = POLLOUT if self._is_full else 0
        entries = both(b"".join(POLL_ENTRY.pack(fd, wanted, 0) for fd, wanted in events.items()))
        polling = asyncio.ensure_future(await self._guest.call_by_name("poll", entries, len(events), FOREVER))
        await self._feed(polling)
        await polling
        return {fd: happened for fd, _, happened in POLL_ENTRY.iter_unpack(entries.content) if happened}

    async def _feed(self, polling: asyncio.Future[int]) -> None:
        """Wait until `polling` is done, or there is something to do; then do that, which ends the polling."""
        source = self._source if self._input_fd is not None and not self._is_full else None
        events = [self._errand_came] if source is None else [self._errand_came, source.arrived]
        coming: list[asyncio.Future[Any]] = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            await asyncio.wait((polling, *coming), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in coming:
                waiter.cancel()
        if self._errands:
            await self._errands.popleft()()
        elif source is not None and source.arrived.is_set():
            await self._pass_input(source)
        if not self._errands:
            self._errand_came.clear()

    async def _pass_input(self, source: HostInput | GivenInput) -> None:
        """Pass on what has come, as far as the program takes it."""
        if self._input_fd is None:
            return
        if source.is_finished:
            await self.close_input()
            return
        part = source.content[:CHUNK]
        written: Awaitable[int] = await self._guest.call_by_name("write", self._input_fd, part, len(part))
        try:
            source.drop(await written)
        except BlockingIOError:
            self._is_full = True
        except BrokenPipeError:
            await self.close_input()

    async def close_input(self) -> None:
        """End the program's input."""
        if self._input_fd is not None:
            descriptor, self._input_fd = self._input_fd, None
            await self._guest.sys.close(descriptor)
