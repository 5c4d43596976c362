"""The stubs that clear and copy pages, in Unicorn: exactly a page changes, and no vector register does."""

from __future__ import annotations

import random

import pytest
from unicorn import x86_const

from tests.boot.test_user_copy import KERNEL_BUFFER, PAGE, USER_PAGE, UserMemory

VECTORS = [getattr(x86_const, f"UC_X86_REG_XMM{number}") for number in range(16)]


@pytest.fixture
def memory() -> UserMemory:
    """A page at USER_PAGE and three at KERNEL_BUFFER, all filled at random, and the vector registers as well."""
    made = UserMemory()
    chance = random.Random(1)
    made.cpu.mem_map(KERNEL_BUFFER + PAGE, 2 * PAGE)
    for address in (USER_PAGE, KERNEL_BUFFER, KERNEL_BUFFER + PAGE, KERNEL_BUFFER + 2 * PAGE):
        made.cpu.mem_write(address, chance.randbytes(PAGE))
    for register in VECTORS:
        made.cpu.reg_write(register, chance.getrandbits(128))
    return made


@pytest.mark.parametrize("stub", ["clear_page", "copy_page"])
def test_one_page_changes_and_nothing_else(memory: UserMemory, stub: str) -> None:
    cpu = memory.cpu
    before = bytes(cpu.mem_read(KERNEL_BUFFER, 3 * PAGE))
    source = bytes(cpu.mem_read(USER_PAGE, PAGE))
    vectors = [cpu.reg_read(register) for register in VECTORS]
    memory.call(stub, KERNEL_BUFFER + PAGE, USER_PAGE)
    middle = bytes(PAGE) if stub == "clear_page" else source
    assert bytes(cpu.mem_read(KERNEL_BUFFER, 3 * PAGE)) == before[:PAGE] + middle + before[2 * PAGE :]
    assert bytes(cpu.mem_read(USER_PAGE, PAGE)) == source
    assert [cpu.reg_read(register) for register in VECTORS] == vectors
