"""The two machines that code is generated for: the kernel in ring 0, and programs in ring 3.

Both are bare x86-64 without floating point or vector registers: the kernel saves those lazily and so must not
use them itself, and a ring-3 program in this language has no float type to use them for.
"""

from __future__ import annotations

import enum

TRIPLE = "x86_64-unknown-none-elf"

FEATURES = "-mmx,-sse,-sse2,+soft-float"
"""General-purpose registers only (the kernel's `-mno-sse`)."""


class Target(enum.Enum):
    """Where the code will run; the value is LLVM's code model (System V ABI for AMD64, section 3.5.1)."""

    KERNEL = "kernel"
    """Linked in the top 2 GiB: addresses are sign-extended 32-bit values."""

    USER = "small"
    """Linked in the lowest 2 GiB: ring-3 programs, and functions under `codegen.run`."""
