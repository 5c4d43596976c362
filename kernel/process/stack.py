"""The stack of a new program: argc, argv, envp and the auxiliary vector (System V ABI x86-64, section 3.4.1).

From the stack pointer up: argc; pointers to the arguments, null; pointers to the environment, null; pairs of the
auxiliary vector, AT_NULL; padding; 16 random bytes; the name of the platform; the path of the program; the strings.
"""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import (
    Array,
    Fallible,
    Slice,
    UserAddr,
    UserSlice,
    align_down,
    array,
    local,
    local_array,
    store,
    struct,
    u8,
    u32,
    u64,
    width,
)
from kernel.base.errno import E2BIG
from kernel.devices.random import fill_random
from kernel.files.credentials import Credentials
from kernel.machine.cpuid import CpuidResult, read_cpuid
from kernel.machine.layout import PAGE_SIZE
from kernel.memory import user
from kernel.memory.mapping import map_new
from kernel.memory.region import Protection, Terms
from kernel.memory.space import AddressSpace
from kernel.memory.user_layout import STACK_SIZE, TOP, VDSO
from kernel.process.arguments import Arguments

PLATFORM: Slice[u8] = b"x86_64\x00"
RANDOM_SIZE: u64 = 16
CLOCK_TICKS: u64 = 100
"""sysconf(_SC_CLK_TCK)."""
MINIMUM_SIGNAL_STACK: u64 = 2048
WORD: u64 = 8
KEPT_SIZE: u64 = 64 * WORD


@width(u64)
class Auxiliary(IntEnum):
    """AT_* (getauxval(3))."""

    NULL = 0
    PROGRAM_HEADERS = 3
    PROGRAM_HEADER_SIZE = 4
    PROGRAM_HEADER_COUNT = 5
    PAGE_SIZE = 6
    BASE = 7
    FLAGS = 8
    ENTRY = 9
    USER = 11
    EFFECTIVE_USER = 12
    GROUP = 13
    EFFECTIVE_GROUP = 14
    PLATFORM = 15
    HARDWARE = 16
    CLOCK_TICKS = 17
    SECURE = 23
    RANDOM = 25
    HARDWARE_2 = 26
    FILE_NAME = 31
    VDSO = 33
    MINIMUM_SIGNAL_STACK = 51


AUXILIARY_PAIRS: u64 = 21


@struct
class ProgramFacts:
    """What the auxiliary vector tells of a program that was mapped."""

    entry: u64 = 0
    """Where the program itself begins, be there an interpreter or not (AT_ENTRY)."""
    first_instruction: u64 = 0
    headers_address: u64 = 0
    headers_count: u64 = 0
    interpreter_base: u64 = 0


@struct
class StackWriter:
    """Writes words upwards from `position`; some are kept back until `flush`."""

    position: u64 = 0
    kept: Array[u8] = array(KEPT_SIZE)
    used: u64 = 0
    arguments_start: u64 = 0
    arguments_end: u64 = 0
    environment_end: u64 = 0
    auxiliary_start: u64 = 0

    def word(self, value: u64) -> Fallible[None]:
        """Write one word."""
        if self.used == KEPT_SIZE:
            self.flush()
        store(u64, self.kept[:], self.used, value)
        self.used += WORD

    def flush(self) -> Fallible[None]:
        """Let all words that were written be in the program's memory."""
        user.copy_out(UserSlice(UserAddr(self.position), self.used), self.kept[0 : self.used])
        self.position += self.used
        self.used = 0

    def pair(self, kind: Auxiliary, value: u64) -> Fallible[None]:
        """Write one entry of the auxiliary vector."""
        self.word(u64(kind))
        self.word(value)

    def pointers(self, arguments: Arguments, count: u64, first: u64, strings: u64) -> Fallible[u64]:
        """Write pointers to `count` strings, the first at offset `first`, and null; returns the offset behind."""
        offset = first
        for _ in range(count):
            self.word(strings + offset)
            offset += arguments.length_at(offset) + 1
        self.word(0)
        return offset


def map_stack(space: AddressSpace) -> Fallible[None]:
    """Give `space` a stack, which grows while it is filled and used."""
    terms = Terms(rights=u32(Protection.READ | Protection.WRITE), grows_down=True)
    map_new(space, terms, None, 0, TOP - PAGE_SIZE, TOP)


def push(top: u64, content: Slice[u8]) -> Fallible[u64]:
    """Copy `content` to just below `top` of the current space; returns where it begins."""
    start = top - u64(len(content))
    user.copy_out(UserSlice(UserAddr(start), u64(len(content))), content)
    return start


def build_stack(
    arguments: Arguments, path: Slice[u8], facts: ProgramFacts, credentials: Credentials, writer: StackWriter
) -> Fallible[u64]:
    """Write the initial stack into the current space; returns the stack pointer. E2BIG, ENOMEM."""
    words = arguments.argument_count + arguments.environment_count + 3 + 2 * AUXILIARY_PAIRS
    if words * WORD + arguments.used + 2 * PAGE_SIZE > STACK_SIZE // 4:
        raise E2BIG
    strings = push(TOP - WORD, arguments.strings)
    name_end = push(strings, b"\x00")
    name = push(name_end, path)
    platform = push(name, PLATFORM)
    noise = local_array(u8, RANDOM_SIZE)
    fill_random(noise)
    random = push(platform, noise)
    pointer = align_down(random - words * WORD, 16)
    writer.position = pointer
    writer.word(arguments.argument_count)
    environment = writer.pointers(arguments, arguments.argument_count, 0, strings)
    writer.arguments_start = strings
    writer.arguments_end = strings + environment
    writer.environment_end = strings + arguments.used
    writer.auxiliary_start = pointer + (arguments.argument_count + arguments.environment_count + 3) * WORD
    writer.pointers(arguments, arguments.environment_count, environment, strings)
    write_auxiliary(writer, facts, credentials)
    writer.pair(Auxiliary.RANDOM, random)
    writer.pair(Auxiliary.FILE_NAME, name)
    writer.pair(Auxiliary.PLATFORM, platform)
    writer.pair(Auxiliary.NULL, 0)
    writer.flush()
    return pointer


def write_auxiliary(writer: StackWriter, facts: ProgramFacts, credentials: Credentials) -> Fallible[None]:
    """Write the entries that are plain numbers."""
    writer.pair(Auxiliary.HARDWARE, hardware_capabilities())
    writer.pair(Auxiliary.PAGE_SIZE, PAGE_SIZE)
    writer.pair(Auxiliary.CLOCK_TICKS, CLOCK_TICKS)
    writer.pair(Auxiliary.PROGRAM_HEADERS, facts.headers_address)
    writer.pair(Auxiliary.PROGRAM_HEADER_SIZE, 56)
    writer.pair(Auxiliary.PROGRAM_HEADER_COUNT, facts.headers_count)
    writer.pair(Auxiliary.BASE, facts.interpreter_base)
    writer.pair(Auxiliary.FLAGS, 0)
    writer.pair(Auxiliary.ENTRY, facts.entry)
    writer.pair(Auxiliary.USER, credentials.real_user)
    writer.pair(Auxiliary.EFFECTIVE_USER, credentials.effective_user)
    writer.pair(Auxiliary.GROUP, credentials.real_group)
    writer.pair(Auxiliary.EFFECTIVE_GROUP, credentials.effective_group)
    writer.pair(Auxiliary.SECURE, 1 if credentials.changes_ids else 0)
    writer.pair(Auxiliary.HARDWARE_2, 0)
    writer.pair(Auxiliary.VDSO, VDSO)
    writer.pair(Auxiliary.MINIMUM_SIGNAL_STACK, MINIMUM_SIGNAL_STACK)


def hardware_capabilities() -> u64:
    """AT_HWCAP of x86 is EDX of CPUID leaf 1."""
    result = local(CpuidResult)
    read_cpuid(1, 0, result)
    return u64(result.edx)
