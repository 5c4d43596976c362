"""The random generator against the test vectors of RFC 8439, and its key erasure."""

from __future__ import annotations

import pytest

from codegen.lang import u8, u32
from codegen.lang.slices import ByteCells, HostSlice
from kernel.base import spinlock
from kernel.devices.random import Generator, quarter_round

ZERO_BLOCK = bytes.fromhex(
    "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
    "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
)
"""RFC 8439, appendix A.1, test vector 1: key, nonce and counter zero."""


def words(content: bytearray) -> HostSlice[u32]:
    return HostSlice(ByteCells(content, 0, len(content) // 4, u32), 0, len(content) // 4, u32)


def test_quarter_round() -> None:
    content = bytearray(64)
    state = words(content)
    for index, value in enumerate((0x11111111, 0x01020304, 0x9B8D6F43, 0x01234567)):
        state[index] = value
    quarter_round(state, 0, 1, 2, 3)
    assert [state[index] for index in range(4)] == [0xEA2A92F4, 0xCB1CF8CE, 0x4581472E, 0x5881C4BB]


def test_block() -> None:
    content = bytearray(64)
    Generator().make_block(words(content))
    assert bytes(content) == ZERO_BLOCK


def test_nothing_repeats_and_the_key_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("disable_interrupts", "enable_interrupts"):
        monkeypatch.setattr(spinlock, name, lambda: None)
    monkeypatch.setattr(spinlock, "interrupts_enabled", lambda: True)
    monkeypatch.setattr(spinlock, "stack_pointer", lambda: spinlock.STACK_SLOT)
    generator = Generator()
    made = []
    for length in (100, 200, 190, 40, 600, 100):
        content = bytearray(length)
        generator.fill(HostSlice(ByteCells(content, 0, length, u8), 0, length, u8))
        made.append(bytes(content))
        left = bytes(generator.pool[index] for index in range(512))
        assert not any(text[start : start + 10] in left for text in made for start in range(0, len(text), 10))
    assert len({text[start : start + 10] for text in made for start in range(0, len(text), 10)}) == 123
    assert ZERO_BLOCK[:10] not in made[1]
