"""The random generator against the test vectors of RFC 8439, and its key erasure."""

from __future__ import annotations

import pytest

from codegen.lang import MutableSlice, u8, u32
from codegen.lang.slices import ByteCells, HostSlice
from kernel.base import spinlock
from kernel.devices import random
from kernel.devices.random import CONSTANTS, Generator
from tests.kernel.devices.chacha import block_of


def make_blocks(state: MutableSlice[u32], destination: MutableSlice[u8]) -> None:
    """What the stub does, as it is written down."""
    for start in range(0, len(destination), 64):
        for place, byte in enumerate(block_of([state[index] for index in range(16)])):
            destination[start + place] = byte
        state[12] += 1


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 200])
def test_a_stream_is_blocks_and_the_block_before_them_the_next_key(
    monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    monkeypatch.setattr(random, "make_blocks", make_blocks)
    generator = Generator()
    content = bytearray(length)
    generator.make_stream(HostSlice(ByteCells(content, 0, length, u8), 0, length, u8))
    blocks = [block_of([*CONSTANTS, *[0] * 8, number, 0, 0, 0]) for number in range(5)]
    assert bytes(content) == b"".join(blocks[1:])[:length]
    key = b"".join(int(word).to_bytes(4, "little") for word in generator.state[4:12])
    assert key == blocks[0][:32]


def test_nothing_repeats_and_the_key_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("disable_interrupts", "enable_interrupts"):
        monkeypatch.setattr(spinlock, name, lambda: None)
    monkeypatch.setattr(spinlock, "interrupts_enabled", lambda: True)
    monkeypatch.setattr(spinlock, "stack_pointer", lambda: spinlock.STACK_SLOT)
    monkeypatch.setattr(random, "make_blocks", make_blocks)
    generator = Generator()
    made = []
    for length in (100, 200, 190, 40, 600, 100):
        content = bytearray(length)
        generator.fill(HostSlice(ByteCells(content, 0, length, u8), 0, length, u8))
        made.append(bytes(content))
        left = bytes(generator.pool[index] for index in range(512))
        assert not any(text[start : start + 10] in left for text in made for start in range(0, len(text), 10))
    assert len({text[start : start + 10] for text in made for start in range(0, len(text), 10)}) == 123
    assert block_of([*CONSTANTS, *[0] * 12])[:10] not in made[1]
