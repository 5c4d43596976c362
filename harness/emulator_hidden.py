"""What Unicorn has no register for: the privilege level and the exception in flight.

Both are 32-bit words in a saved context, whose places depend on the version of Unicorn. They are found at start by
looking at contexts whose contents are known, so that a version with another layout either works or is refused.
"""

from __future__ import annotations

import ctypes
import itertools
import struct
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

import unicorn
from unicorn import x86_const as x86

from harness.errors import HarnessError

if TYPE_CHECKING:
    from unicorn.unicorn_py3.arch.intel import UcIntel
    from unicorn.unicorn_py3.unicorn import UcContext

# Hidden flags (QEMU, target/i386/cpu.h, HF_*).
LEVEL_MASK = 3
INHIBIT_INTERRUPTS = 1 << 3
CODE_32 = 1 << 4
STACK_32 = 1 << 5
PROTECTED = 1 << 7
LONG_ACTIVE = 1 << 14
CODE_64 = 1 << 15
MODE_MASK = LEVEL_MASK | CODE_32 | STACK_32 | PROTECTED | LONG_ACTIVE | CODE_64

NO_EXCEPTION = -1
GENERAL_PROTECTION = 13
PROBE_ADDRESS = 0x1000
PROBE_SELECTOR = b"\x8e\x1c\x25\x00\x20\x00\x00"  # mov ds, [0x2000]
PROBE_DATA = 0x2000


@dataclass(frozen=True)
class HiddenPlaces:
    """Byte offsets in a saved context, and of the instruction counter in Unicorn's own state."""

    flags: int
    exception: int
    error: int
    counter: int


def new_processor(mode: int = unicorn.UC_MODE_64) -> UcIntel:
    """A processor of Unicorn: what `unicorn.Uc` makes is of a class of its architecture."""
    return cast("UcIntel", unicorn.Uc(unicorn.UC_ARCH_X86, mode))


def context_bytes(uc: UcIntel) -> bytes:
    """The saved context of `uc`."""
    return bytes(uc.context_save())


def context_address(context: UcContext) -> int:
    """Where the bytes of a saved context are in this process."""
    address = ctypes.cast(context.context, ctypes.c_void_p).value
    assert address is not None
    return address


def words(content: bytes) -> tuple[int, ...]:
    """A context as 32-bit words."""
    return struct.unpack(f"<{len(content) // 4}i", content[: len(content) // 4 * 4])


@cache
def find_places() -> HiddenPlaces:
    """Look for the hidden words. Raises HarnessError when they are not where exactly one candidate is."""
    long_mode = words(context_bytes(new_processor()))
    protected = words(context_bytes(new_processor(unicorn.UC_MODE_32)))
    flags = [
        index
        for index, (wide, narrow) in enumerate(zip(long_mode, protected, strict=True))
        if wide & MODE_MASK == MODE_MASK & ~LEVEL_MASK and narrow & MODE_MASK == PROTECTED | CODE_32 | STACK_32
    ]
    first, second = words(_after_fault(0x60)), words(_after_fault(0x58))
    exception = [
        index
        for index, word in enumerate(long_mode)
        if word == NO_EXCEPTION and first[index] == second[index] == GENERAL_PROTECTION
    ]
    error = [index for index in range(len(first)) if (first[index], second[index]) == (0x60, 0x58)]
    return HiddenPlaces(
        4 * _only(flags, "hidden flags"),
        4 * _only(exception, "exception in flight"),
        4 * _only(error, "error code"),
        find_counter(),
    )


def _only(candidates: list[int], what: str) -> int:
    if len(candidates) != 1:
        version = unicorn.__version__
        raise HarnessError(
            f"Unicorn {version} keeps its {what} elsewhere: pip install 'unicorn==2.1.4', or use --backend qemu"
        )
    return candidates[0]


def _probe(code: bytes, data: bytes = b"") -> UcIntel:
    uc = new_processor()
    uc.mem_map(0, 0x4000)
    uc.mem_write(PROBE_ADDRESS, code)
    uc.mem_write(PROBE_DATA, data)
    return uc


def _after_fault(selector: int) -> bytes:
    """The context after loading a selector beyond the descriptor table: #GP with it as the error code."""
    uc = _probe(PROBE_SELECTOR, selector.to_bytes(2, "little"))
    uc.hook_add(unicorn.UC_HOOK_INTR, lambda uc, number, data: uc.emu_stop())
    uc.emu_start(PROBE_ADDRESS, 0, 0, 10)
    return context_bytes(uc)


def find_counter() -> int:
    """The place of the counter of instructions in Unicorn's state: beside the limit that was given."""
    limits = (0x1234567, 0x2345678)
    found: list[set[int]] = []
    for limit in limits:
        uc = _probe(b"\x90" * 7 + b"\xf4")  # nop, 7 times; hlt
        uc.emu_start(PROBE_ADDRESS, 0, 0, limit)
        state = struct.unpack("<512Q", ctypes.string_at(_state_address(uc), 4096))
        pairs = itertools.pairwise(state)
        found.append({8 * index for index, pair in enumerate(pairs) if pair == (8, limit)})
    return _only(sorted(found[0] & found[1]), "instruction counter")


def _state_address(uc: UcIntel) -> int:
    address = uc._uch.value if uc._uch is not None else None
    assert isinstance(address, int)
    return address


def counter_and_limit(uc: UcIntel) -> tuple[ctypes.c_uint64, ctypes.c_uint64]:
    """The live counter, of the instructions that the last `emu_start` began, and the live limit beside it."""
    address = _state_address(uc) + find_places().counter
    return ctypes.c_uint64.from_address(address), ctypes.c_uint64.from_address(address + 8)


def set_protected_mode(uc: UcIntel) -> None:
    """Have a machine made in 64-bit mode begin in 32-bit protected mode, without paging."""
    uc.msr_write(0xC0000080, 0)
    uc.reg_write(x86.UC_X86_REG_CR0, 0x11)
    uc.reg_write(x86.UC_X86_REG_CR4, 0)
    context = uc.context_save()
    word = ctypes.c_uint32.from_address(context_address(context) + find_places().flags)
    word.value = word.value & ~MODE_MASK & 0xFFFFFFFF | PROTECTED | CODE_32 | STACK_32
    uc.context_restore(context)
