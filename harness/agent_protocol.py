"""Requests to the agent and its replies as bytes (docs/internals.md; the numbers are user/agent/protocol.py).

An argument is an int, or a buffer, whose address the agent puts in its place. A buffer can hold the addresses
of others: `buffer.point(offset, other)`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from user.agent import protocol

REQUEST_HEADER = struct.Struct("<IIII6Q")
BUFFER_HEADER = struct.Struct("<IIIIQ")
REPLY_HEADER = struct.Struct("<IIq")
REGISTER_MASK = (1 << 64) - 1


@dataclass(eq=False)
class Buffer:
    """Memory of the agent for the time of one call. `content` goes in, and is replaced by what comes out."""

    content: bytes
    direction: int = protocol.DIRECTION_IN
    pointers: list[tuple[int, Buffer]] = field(default_factory=list)
    """(offset, buffer): at `offset` the address of that buffer is stored."""

    def point(self, offset: int, target: Buffer) -> None:
        """Have the address of `target` stored at `offset`."""
        self.pointers.append((offset, target))


def into(content: bytes) -> Buffer:
    """A buffer that the call reads."""
    return Buffer(content)


def out(length: int) -> Buffer:
    """A buffer of zeros that the call writes."""
    return Buffer(bytes(length), protocol.DIRECTION_OUT)


def both(content: bytes) -> Buffer:
    """A buffer that the call reads and writes."""
    return Buffer(content, protocol.DIRECTION_IN | protocol.DIRECTION_OUT)


def text(value: str | bytes) -> Buffer:
    """A NUL-terminated string."""
    return Buffer(os.fsencode(value) + b"\0")


def pointer_array(items: Sequence[Buffer], terminated: bool = True) -> Buffer:
    """An array of addresses, such as argv of execve(2)."""
    array = Buffer(bytes(8 * (len(items) + terminated)))
    for index, item in enumerate(items):
        array.point(8 * index, item)
    return array


class RequestTooLarge(ValueError):
    """The buffers of a request do not fit in the agent's arena."""


@dataclass
class Request:
    """One system call, ready to be sent."""

    content: bytes
    outgoing: list[Buffer]
    """Buffers that come back, in the order of the reply."""

    @property
    def reply_length(self) -> int:
        """The bytes of the reply, which are known before."""
        return REPLY_HEADER.size + sum(len(buffer.content) for buffer in self.outgoing)


def encode(sequence: int, number: int, arguments: Sequence[int | Buffer]) -> Request:
    """The bytes of a request."""
    if len(arguments) > protocol.ARGUMENTS:
        raise TypeError(f"a system call has at most {protocol.ARGUMENTS} arguments, not {len(arguments)}")
    places: list[tuple[int, int, Buffer]] = []
    registers = [0] * protocol.ARGUMENTS
    for position, argument in enumerate(arguments):
        if isinstance(argument, Buffer):
            _add(places, protocol.TARGET_ARGUMENTS, position, argument)
        else:
            registers[position] = argument & REGISTER_MASK
    used = sum((len(buffer.content) + 15) // 16 * 16 for _, _, buffer in places)
    if used > protocol.ARENA_SIZE or len(places) > protocol.BUFFERS_MAX:
        raise RequestTooLarge(f"a call has at most {protocol.ARENA_SIZE} bytes of buffers, not {used}")
    parts = [REQUEST_HEADER.pack(protocol.REQUEST_MAGIC, sequence, number, len(places), *registers)]
    for target, position, buffer in places:
        parts.append(BUFFER_HEADER.pack(target, position, buffer.direction, 0, len(buffer.content)))
        if buffer.direction & protocol.DIRECTION_IN:
            parts.append(buffer.content)
    returned = [buffer for _, _, buffer in places if buffer.direction & protocol.DIRECTION_OUT]
    return Request(b"".join(parts), returned)


def _add(places: list[tuple[int, int, Buffer]], target: int, position: int, buffer: Buffer) -> None:
    """Note a buffer, then those it points to: the agent stores addresses in earlier buffers."""
    index = len(places)
    places.append((target, position, buffer))
    for offset, pointed in buffer.pointers:
        _add(places, index, offset, pointed)


class ProtocolError(Exception):
    """The agent's reply is none."""


def decode(sequence: int, request: Request, reply: bytes) -> int:
    """The result of a call; fills the buffers that came back."""
    magic, answered, result = REPLY_HEADER.unpack_from(reply)
    if magic != protocol.REPLY_MAGIC or answered != sequence:
        raise ProtocolError(f"the agent answered {magic:#x} {answered} to request {sequence}")
    offset = REPLY_HEADER.size
    for buffer in request.outgoing:
        length = len(buffer.content)
        buffer.content = reply[offset : offset + length]
        offset += length
    return int(result)
