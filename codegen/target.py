"""The two machines that code is generated for: the kernel in ring 0, and programs in ring 3.

Both are bare x86-64 without floating point or vector registers: the kernel saves those lazily and so must not
use them itself, and a ring-3 program in this language has no float type to use them for.
"""

from __future__ import annotations

import enum

TRIPLE = "x86_64-unknown-none-elf"

DATA_LAYOUT = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
"""LLVM's description of memory for the triple (LLVM Language Reference, "Data Layout"): without it LLVM does not know
which widths the processor has, and makes integers of 9 bits."""

FEATURES = "-mmx,-sse,-sse2,+soft-float"
"""General-purpose registers only (the kernel's `-mno-sse`)."""

HOT_TEXT = ".text.hot"
"""The section of functions that are marked `@hot`; the linker puts those of all modules next to each other."""


class Target(enum.Enum):
    """Where the code will run; the value is LLVM's code model (System V ABI for AMD64, section 3.5.1)."""

    KERNEL = "kernel"
    """Linked in the top 2 GiB: addresses are sign-extended 32-bit values."""

    USER = "small"
    """Linked in the lowest 2 GiB: ring-3 programs, and functions under `codegen.run`."""
