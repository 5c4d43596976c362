"""What a program needs to run on a machine without anything below it: the way from a PVH loader to 64-bit code.

A module that says `START = BareMetal("main")` is built by `python -m codegen build` to a file that QEMU starts
by `-kernel`: PVH enters in 32-bit protected mode without paging (Xen, docs/misc/pvh.pandoc); the stubs map the
first GiB to itself, switch to long mode (Intel SDM vol. 3A, section 10.8.5) and call the exported function
`main` with interrupts off. Should it return, or a check fail, the processor halts.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from codegen.frames import OUTERMOST
from codegen.image import Note
from codegen.stubs import Stub, Symbols

BASE = 0x100000
"""Where the program is linked and loaded: the first byte that no firmware uses."""

_TABLES = 0x10000
_STACK_TOP = 0x80000
"""Low memory, which is free between the firmware's data (below 0x8000) and its end at 0x9fc00."""

_PRESENT_WRITABLE, _LARGE = 0x3, 0x80
_LARGE_PAGE = 2 << 20
_CODE_SELECTOR, _DATA_SELECTOR = 0x08, 0x10
_CODE_64, _DATA = 0x00AF9A000000FFFF, 0x00CF92000000FFFF
"""Flat descriptors (Intel SDM vol. 3A, figures 3-8 and 5-2)."""

_EFER, _LONG_MODE = 0xC0000080, 1 << 8
_PHYSICAL_ADDRESS_EXTENSION = 1 << 5
_PAGING_AND_PROTECTION = 1 << 31 | 1

XEN_ELFNOTE_PHYS32_ENTRY = 18


@dataclass(frozen=True)
class BareMetal:
    """A program that starts at the exported function `main`, which takes nothing."""

    main: str

    entry = "pvh_entry"
    base = BASE

    @property
    def notes(self) -> tuple[Note, ...]:
        """The note by which a loader finds the entry (Xen, public/elfnote.h)."""
        return (Note("Xen", XEN_ELFNOTE_PHYS32_ENTRY, lambda symbols: struct.pack("<Q", symbols[self.entry])),)

    @property
    def stubs(self) -> tuple[Stub, ...]:
        """The assembly around the program; `trap_failed` and `trap_message` only where it has none of its own."""
        return (
            Stub(self.entry, "text", _protected_mode, bits=32),
            Stub("long_mode_entry", "text", self._long_mode, frame=OUTERMOST),
            Stub("descriptors", "rodata", lambda _symbols: f".quad 0\n.quad {_CODE_64}\n.quad {_DATA}"),
            Stub("descriptor_pointer", "rodata", _descriptor_pointer),
        )

    def _long_mode(self, symbols: Symbols) -> str:
        return f"""
            mov eax, {_DATA_SELECTOR}
            mov ds, ax
            mov es, ax
            mov ss, ax
            mov rsp, {_STACK_TOP}
            xor ebp, ebp
            call {symbols[self.main]}
        stop:
            cli
            hlt
            jmp stop
        """


TRAP_STUBS = (
    Stub("trap_failed", "text", lambda _symbols: "stop:\ncli\nhlt\njmp stop"),
    Stub("trap_message", "text", lambda _symbols: "ret"),
)
"""For a program that does not say what a failed check does: the processor halts."""


def _protected_mode(symbols: Symbols) -> str:
    """Three tables: level 4, level 3, and level 2 with 512 large pages."""
    level_3, level_2 = _TABLES + 4096, _TABLES + 8192
    return f"""
        cli
        cld
        mov edi, {_TABLES}
        mov ecx, {3 * 4096 // 4}
        xor eax, eax
        rep stosd
        mov dword ptr [{_TABLES}], {level_3 | _PRESENT_WRITABLE}
        mov dword ptr [{level_3}], {level_2 | _PRESENT_WRITABLE}
        mov edi, {level_2}
        mov eax, {_PRESENT_WRITABLE | _LARGE}
    next:
        mov dword ptr [edi], eax
        add edi, 8
        add eax, {_LARGE_PAGE}
        cmp edi, {level_2 + 4096}
        jb next
        mov eax, {_PHYSICAL_ADDRESS_EXTENSION}
        mov cr4, eax
        mov eax, {_TABLES}
        mov cr3, eax
        mov ecx, {_EFER}
        rdmsr
        or eax, {_LONG_MODE}
        wrmsr
        mov eax, {_PAGING_AND_PROTECTION}
        mov cr0, eax
        lgdt [{symbols["descriptor_pointer"]}]
        .byte 0xea                      # a far jump, which keystone has no text for
        .long {symbols["long_mode_entry"]}
        .short {_CODE_SELECTOR}
    """


def _descriptor_pointer(symbols: Symbols) -> str:
    """Limit and base, for LGDT."""
    return f".short {3 * 8 - 1}\n.long {symbols['descriptors']}"
