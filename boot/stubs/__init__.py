"""The assembly of the kernel: what a compiler cannot write. Contracts: docs/internals.md, "Stubs".

Each file gives its `STUBS`, in the order in which they stand in memory. Offsets come from the struct classes,
and addresses from the symbol table, so nothing here repeats a number of another file.
"""

from __future__ import annotations

from boot.stubs import (
    chacha,
    entry,
    multiboot,
    processor,
    system_call,
    threads,
    trampoline,
    traps,
    user_copy,
    whole_pages,
)
from boot.vdso import image
from codegen.stubs import Stub

ALL_STUBS: tuple[Stub, ...] = (
    *entry.STUBS,
    *multiboot.STUBS,
    *trampoline.STUBS,
    *traps.STUBS,
    *system_call.STUBS,
    *threads.STUBS,
    *user_copy.STUBS,
    *whole_pages.STUBS,
    *chacha.STUBS,
    *processor.STUBS,
    *image.STUBS,
)
