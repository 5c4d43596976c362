"""Guest: system calls in the guest, made from Python.

    fd = await guest.sys.open("/etc/passwd", 0, 0)       # text and bytes go in
    buffer = out(100)
    count = await guest.sys.read(fd, buffer, 100)        # buffer.content comes out
    await guest.sys.close(-1)                            # raises OSError(EBADF)

The call is made by the agent, in ring 3, as a program would make it. Names and numbers are those of the
kernel's own declarations. One call is under way at a time, but `start_call` sends one before the last was answered: a
poll(2) that includes the agent's channel then returns.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from harness import agent_protocol
from harness.agent_protocol import Buffer, Request
from harness.interface import call_numbers
from user.agent import protocol

if TYPE_CHECKING:
    from harness.running import RunningMachine

CHANNEL_FD = 3
"""The agent's end of the channel."""
LARGEST_ERRNO = 4095

Argument = int | str | bytes | Buffer | None


class SystemCalls:
    """`guest.sys`: each attribute is one system call; `call(number, ...)` makes any."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest

    def __getattr__(self, name: str) -> Callable[..., Awaitable[int]]:
        number = call_numbers().get(name)
        if number is None:
            raise AttributeError(f"the kernel declares no system call {name!r}")

        async def call(*arguments: Argument) -> int:
            return await self._guest.call(number, *arguments)

        return call


class Guest:
    """The agent of one machine."""

    def __init__(self, machine: RunningMachine) -> None:
        self._machine = machine
        self._sequence = 0
        self._is_ready = False
        self._turn = asyncio.Lock()
        self.sys = SystemCalls(self)
        self.programs = 0
        """How many programs are streamed to and from it at the moment (harness/streams.py)."""

    async def wait_ready(self) -> None:
        """Wait for the agent's first word after start."""
        if self._is_ready:
            return
        greeting = Request(b"", [])
        reply = await self._machine.receive(greeting.reply_length)
        result = agent_protocol.decode(0, greeting, reply)
        if result != protocol.READY:
            raise agent_protocol.ProtocolError(f"the agent began with {result}, not {protocol.READY}")
        self._is_ready = True

    async def call(self, number: int, *arguments: Argument) -> int:
        """Make one system call. Raises OSError with the guest's errno."""
        return await (await self.start_call(number, *arguments))

    async def start_call(self, number: int, *arguments: Argument) -> Awaitable[int]:
        """Send a call; await what is returned for its result. Results come in the order of the calls."""
        await self.wait_ready()
        self._sequence += 1
        sequence = self._sequence
        request = agent_protocol.encode(sequence, number, [_as_argument(value) for value in arguments])
        await self._machine.send(request.content)
        answer = asyncio.ensure_future(self._answer(sequence, request))
        answer.add_done_callback(_note_failure)
        return asyncio.shield(answer)  # a caller that is cancelled leaves its answer to be read all the same

    async def _answer(self, sequence: int, request: Request) -> int:
        async with self._turn:  # waiters get a Lock in the order in which they asked
            reply = await self._machine.receive(request.reply_length)
        result = agent_protocol.decode(sequence, request, reply)
        if -LARGEST_ERRNO <= result < 0:
            raise OSError(-result, os.strerror(-result))
        return result

    async def call_by_name(self, name: str, *arguments: Argument) -> Awaitable[int]:
        """`start_call` by the name of the system call."""
        return await self.start_call(call_numbers()[name], *arguments)

    def forget(self) -> None:
        """The machine was rewound: nothing is under way any more."""
        self._turn = asyncio.Lock()

    async def read(self, fd: int, length: int) -> bytes:
        """read(2): at most `length` bytes."""
        buffer = agent_protocol.out(length)
        count = await self.sys.read(fd, buffer, length)
        return buffer.content[:count]

    async def write(self, fd: int, content: bytes) -> int:
        """write(2): how much was written."""
        return await self.sys.write(fd, content, len(content))

    async def read_file(self, path: str) -> bytes:
        """The contents of a file of the agent's own file system."""
        fd = await self.sys.open(path, os.O_RDONLY, 0)
        parts = []
        try:
            while part := await self.read(fd, 65536):
                parts.append(part)
        finally:
            await self.sys.close(fd)
        return b"".join(parts)


def _note_failure(answer: asyncio.Future[int]) -> None:
    """Nobody may be there any more to whom a failure matters."""
    if not answer.cancelled():
        answer.exception()


def _as_argument(value: Argument) -> int | Buffer:
    """Text becomes a NUL-terminated buffer, bytes a buffer as they are, None a null pointer."""
    if value is None:
        return 0
    if isinstance(value, str):
        return agent_protocol.text(value)
    if isinstance(value, bytes):
        return agent_protocol.into(value)
    return value
