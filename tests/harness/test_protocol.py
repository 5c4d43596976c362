"""Requests to the agent as bytes, and replies as results."""

from __future__ import annotations

import struct

import pytest

from harness.agent_protocol import (
    BUFFER_HEADER,
    REPLY_HEADER,
    REQUEST_HEADER,
    ProtocolError,
    RequestTooLarge,
    decode,
    encode,
    into,
    out,
    pointer_array,
    text,
)
from user.agent import protocol


def test_sizes_are_those_of_the_agent() -> None:
    assert REQUEST_HEADER.size == protocol.REQUEST_SIZE
    assert BUFFER_HEADER.size == protocol.BUFFER_SIZE
    assert REPLY_HEADER.size == protocol.REPLY_SIZE


def test_integers_are_registers() -> None:
    content = encode(5, 39, [1, -1]).content
    fields = REQUEST_HEADER.unpack(content)
    assert fields == (protocol.REQUEST_MAGIC, 5, 39, 0, 1, 2**64 - 1, 0, 0, 0, 0)


def test_pointers_name_earlier_buffers() -> None:
    content = encode(1, 59, [text("/bin/sh"), pointer_array([text("sh"), text("-c")])]).content
    assert REQUEST_HEADER.unpack_from(content)[3] == 4
    offset, targets = REQUEST_HEADER.size, []
    for _ in range(4):
        target, position, direction, _, length = BUFFER_HEADER.unpack_from(content, offset)
        targets.append((target, position))
        assert direction == protocol.DIRECTION_IN
        offset += BUFFER_HEADER.size + length
    assert offset == len(content)
    assert targets == [(protocol.TARGET_ARGUMENTS, 0), (protocol.TARGET_ARGUMENTS, 1), (1, 0), (1, 8)]


def test_reply_fills_what_goes_out() -> None:
    buffers = [out(4), into(b"stays"), out(2)]
    request = encode(9, 0, buffers)
    reply = REPLY_HEADER.pack(protocol.REPLY_MAGIC, 9, -2) + b"abcdef"
    assert request.reply_length == len(reply)
    assert decode(9, request, reply) == -2
    assert [buffer.content for buffer in buffers] == [b"abcd", b"stays", b"ef"]


def test_reply_to_another_request_is_refused() -> None:
    with pytest.raises(ProtocolError, match="to request 9"):
        decode(9, encode(9, 0, []), struct.pack("<IIq", protocol.REPLY_MAGIC, 8, 0))


def test_what_does_not_fit_the_agent_is_refused() -> None:
    encode(1, 0, [out(protocol.ARENA_SIZE)])
    with pytest.raises(RequestTooLarge):
        encode(1, 0, [out(protocol.ARENA_SIZE), out(1)])
    with pytest.raises(TypeError, match="at most 6"):
        encode(1, 0, [0] * 7)
