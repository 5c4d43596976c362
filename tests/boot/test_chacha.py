"""The stub that makes blocks of ChaCha20, in Unicorn, against what RFC 8439 writes down."""

from __future__ import annotations

import random
import struct

import pytest
from unicorn import x86_const

from tests.boot.test_user_copy import KERNEL_BUFFER, PAGE, UserMemory
from tests.kernel.devices.chacha import block_of

VECTORS = [getattr(x86_const, f"UC_X86_REG_XMM{number}") for number in range(16)]
CONSTANTS = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
ZERO_BLOCK = bytes.fromhex(
    "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
    "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
)
"""Appendix A.1, test vector 1: key, nonce and counter zero."""
OUTPUT = KERNEL_BUFFER + 64


def test_the_reference_is_that_of_the_rfc() -> None:
    assert block_of([*CONSTANTS, *[0] * 12]) == ZERO_BLOCK


@pytest.mark.parametrize("count", [1, 2, 7])
def test_blocks_are_those_of_the_rfc_and_no_register_changes(count: int) -> None:
    memory = UserMemory()
    chance = random.Random(count)
    state = [
        *CONSTANTS,
        *(chance.getrandbits(32) for _ in range(8)),
        0xFFFF_FFFF - 2,
        *(chance.getrandbits(32) for _ in range(3)),
    ]
    memory.cpu.mem_write(KERNEL_BUFFER, chance.randbytes(PAGE))
    memory.cpu.mem_write(KERNEL_BUFFER, struct.pack("<16I", *state))
    behind = bytes(memory.cpu.mem_read(OUTPUT + 64 * count, 64))
    for register in VECTORS:
        memory.cpu.reg_write(register, chance.getrandbits(128))
    vectors = [memory.cpu.reg_read(register) for register in VECTORS]
    memory.call("chacha_blocks", KERNEL_BUFFER, OUTPUT, count)
    expected = b""
    for number in range(count):
        expected += block_of([*state[:12], state[12] + number & 0xFFFF_FFFF, *state[13:]])
    assert bytes(memory.cpu.mem_read(OUTPUT, 64 * count)) == expected
    assert bytes(memory.cpu.mem_read(OUTPUT + 64 * count, 64)) == behind
    assert struct.unpack("<16I", memory.cpu.mem_read(KERNEL_BUFFER, 64))[12] == state[12] + count & 0xFFFF_FFFF
    assert [memory.cpu.reg_read(register) for register in VECTORS] == vectors
