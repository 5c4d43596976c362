"""The stubs that touch user memory, run in Unicorn: what they copy, and what they report after a fault."""

from __future__ import annotations

import pytest
from unicorn import UC_ARCH_X86, UC_MODE_64, Uc, UcError, x86_const
from unicorn.unicorn_const import UC_PROT_READ

from kernel.machine.stubs import STRING_FAULT, STRING_TOO_LONG, WORD_FAULT
from tests.boot.tiny import tiny_kernel

IMAGE = tiny_kernel(low=True)

KERNEL_BUFFER = 0x100000
USER_PAGE = 0x400000
PAGE = 4096
STACK = 0x500000
RETURN = 0x600000

ARGUMENTS = (x86_const.UC_X86_REG_RDI, x86_const.UC_X86_REG_RSI, x86_const.UC_X86_REG_RDX)


class UserMemory:
    """One page of user memory between unmapped ones, and a buffer of the kernel."""

    def __init__(self) -> None:
        self.cpu = Uc(UC_ARCH_X86, UC_MODE_64)
        for segment in IMAGE.segments:
            start = segment.address // PAGE * PAGE
            self.cpu.mem_map(start, -(-segment.memory_size // PAGE) * PAGE)
            self.cpu.mem_write(segment.address, segment.content)
        for address in (KERNEL_BUFFER, USER_PAGE, STACK, RETURN):
            self.cpu.mem_map(address, PAGE)
        self.cpu.mem_write(RETURN, b"\xf4")

    def call(self, stub: str, *arguments: int) -> int:
        """Call a stub; a fault is refused as the kernel's handler does."""
        stack = STACK + PAGE - 8
        self.cpu.mem_write(stack, RETURN.to_bytes(8, "little"))
        self.cpu.reg_write(x86_const.UC_X86_REG_RSP, stack)
        for register, value in zip(ARGUMENTS, arguments, strict=False):
            self.cpu.reg_write(register, value)
        place = IMAGE.symbols[stub]
        for _ in range(4):
            try:
                self.cpu.emu_start(place, RETURN)
                break
            except UcError:
                at = self.cpu.reg_read(x86_const.UC_X86_REG_RIP)
                assert IMAGE.symbols["user_copy_start"] <= at < IMAGE.symbols["user_copy_end"]
                place = IMAGE.symbols["user_copy_fault"]
        assert self.cpu.reg_read(x86_const.UC_X86_REG_RIP) == RETURN
        assert self.cpu.reg_read(x86_const.UC_X86_REG_RSP) == stack + 8
        result = int(self.cpu.reg_read(x86_const.UC_X86_REG_RAX))
        return result - (1 << 64) if result >> 63 else result


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 31, 32, 33, 100, 255, 256, 257, 263, 264, 1030])
def test_copies_every_length(length: int) -> None:
    memory = UserMemory()
    content = bytes(index % 251 + 1 for index in range(length))
    memory.cpu.mem_write(USER_PAGE + 3, content)
    assert memory.call("copy_user", KERNEL_BUFFER + 1, USER_PAGE + 3, length) == 0
    assert memory.cpu.mem_read(KERNEL_BUFFER, length + 2) == b"\0" + content + b"\0"


def test_the_copy_that_does_not_wait_is_told_apart() -> None:
    memory = UserMemory()
    memory.cpu.mem_write(USER_PAGE, b"u" * PAGE)
    start = IMAGE.symbols["user_copy_now_start"]
    places = [IMAGE.symbols[name] for name in ("copy_user_now", "copy_user_now_words_left", "copy_user_now_bytes")]
    assert all(start <= place < IMAGE.symbols["user_copy_end"] for place in places)
    assert all(IMAGE.symbols[name] < start for name in ("copy_user_bytes", "clear_user_bytes", "compare_exchange_user"))
    for length in (30, 300):
        assert memory.call("copy_user_now", KERNEL_BUFFER, USER_PAGE + PAGE - 13, length) == length - 13
        assert memory.cpu.mem_read(KERNEL_BUFFER, length) == b"u" * 13 + bytes(length - 13)


@pytest.mark.parametrize("left", [0, 1, 5, 8, 13, 40])
def test_source_that_ends_early_is_copied_to_its_last_byte(left: int) -> None:
    memory = UserMemory()
    memory.cpu.mem_write(USER_PAGE, b"u" * PAGE)
    assert memory.call("copy_user", KERNEL_BUFFER, USER_PAGE + PAGE - left, 64) == 64 - left
    assert memory.cpu.mem_read(KERNEL_BUFFER, 64) == b"u" * left + bytes(64 - left)


@pytest.mark.parametrize("left", [0, 1, 5, 8, 13, 299])
def test_long_copy_ends_at_the_last_byte_on_either_side(left: int) -> None:
    memory = UserMemory()
    memory.cpu.mem_write(USER_PAGE, b"u" * PAGE)
    assert memory.call("copy_user", KERNEL_BUFFER, USER_PAGE + PAGE - left, 300) == 300 - left
    assert memory.cpu.mem_read(KERNEL_BUFFER, 300) == b"u" * left + bytes(300 - left)
    memory.cpu.mem_write(KERNEL_BUFFER, b"k" * 300)
    assert memory.call("copy_user", USER_PAGE + PAGE - left, KERNEL_BUFFER, 300) == 300 - left
    assert memory.cpu.mem_read(USER_PAGE + PAGE - 300, 300) == b"u" * (300 - left) + b"k" * left


@pytest.mark.parametrize("left", [0, 1, 5, 8, 13, 40])
def test_destination_that_ends_early_is_written_to_its_last_byte(left: int) -> None:
    memory = UserMemory()
    memory.cpu.mem_write(KERNEL_BUFFER, b"k" * 64)
    assert memory.call("copy_user", USER_PAGE + PAGE - left, KERNEL_BUFFER, 64) == 64 - left
    assert memory.cpu.mem_read(USER_PAGE + PAGE - 64, 64) == bytes(64 - left) + b"k" * left


def test_read_only_destination_takes_nothing() -> None:
    memory = UserMemory()
    memory.cpu.mem_protect(USER_PAGE, PAGE, UC_PROT_READ)
    assert memory.call("copy_user", USER_PAGE, KERNEL_BUFFER, 16) == 16


@pytest.mark.parametrize("length", [30, 300])
@pytest.mark.parametrize("left", [0, 1, 8, 21, 30])
def test_clear_reports_what_it_could_not_reach(left: int, length: int) -> None:
    memory = UserMemory()
    memory.cpu.mem_write(USER_PAGE, b"u" * PAGE)
    assert memory.call("clear_user", USER_PAGE + PAGE - left, length) == length - left
    assert memory.cpu.mem_read(USER_PAGE + PAGE - 40, 40) == b"u" * (40 - left) + bytes(left)


@pytest.mark.parametrize("length", [0, 7, 8, 30, 255, 256, 300, 1030])
def test_clears_every_length(length: int) -> None:
    memory = UserMemory()
    memory.cpu.mem_write(USER_PAGE, b"u" * PAGE)
    assert memory.call("clear_user", USER_PAGE + 3, length) == 0
    assert memory.cpu.mem_read(USER_PAGE, length + 4) == b"uuu" + bytes(length) + b"u"


def test_string_is_copied_with_its_end() -> None:
    memory = UserMemory()
    memory.cpu.mem_write(USER_PAGE, b"/bin/true\0after")
    memory.cpu.mem_write(KERNEL_BUFFER, b"#" * 12)
    assert memory.call("copy_user_string", KERNEL_BUFFER, USER_PAGE, 12) == 9
    assert memory.cpu.mem_read(KERNEL_BUFFER, 12) == b"/bin/true\0##"


def test_string_without_end_is_too_long() -> None:
    memory = UserMemory()
    memory.cpu.mem_write(USER_PAGE, b"abcdef")
    assert memory.call("copy_user_string", KERNEL_BUFFER, USER_PAGE, 3) == STRING_TOO_LONG


def test_string_that_runs_into_nothing_is_a_fault() -> None:
    memory = UserMemory()
    memory.cpu.mem_write(USER_PAGE + PAGE - 4, b"abcd")
    assert memory.call("copy_user_string", KERNEL_BUFFER, USER_PAGE + PAGE - 4, 100) == STRING_FAULT


def test_word_is_exchanged_where_it_is_what_was_expected() -> None:
    memory = UserMemory()
    memory.cpu.mem_write(USER_PAGE, b"\xff\xff\xff\xff####")
    assert memory.call("compare_exchange_user", USER_PAGE, 1, 2) == 0xFFFF_FFFF
    assert memory.cpu.mem_read(USER_PAGE, 8) == b"\xff\xff\xff\xff####"
    assert memory.call("compare_exchange_user", USER_PAGE, 0xFFFF_FFFF, 2) == 0xFFFF_FFFF
    assert memory.cpu.mem_read(USER_PAGE, 8) == b"\x02\0\0\0####"


def test_word_that_is_not_there_or_read_only_is_a_fault() -> None:
    memory = UserMemory()
    assert memory.call("compare_exchange_user", USER_PAGE + PAGE, 0, 0) == WORD_FAULT
    memory.cpu.mem_protect(USER_PAGE, PAGE, UC_PROT_READ)
    assert memory.call("compare_exchange_user", USER_PAGE, 1, 0) == WORD_FAULT
