"""The disassembler of 64-bit x86 code; loaded when there is code to look at."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import capstone


def instructions(code: bytes, address: int) -> Iterator[tuple[int, int, str, str]]:
    """(address, size, mnemonic, operands) of each instruction, in Intel's syntax."""
    yield from _disassembler().disasm_lite(code, address)


@functools.cache
def _disassembler() -> capstone.Cs:
    import capstone

    return capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
