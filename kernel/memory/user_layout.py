"""Where the parts of a program lie in the user half of its address space."""

from __future__ import annotations

from codegen.lang import u64

TOP: u64 = 0x7FFF_FFFF_0000
"""Where the stack of a program ends."""

STACK_SIZE: u64 = 8 << 20
"""RLIMIT_STACK of a new program: what its stack may grow to."""

STACK_RESERVE: u64 = 128 << 10
"""What is mapped below a stack when a program begins (setup_arg_pages() of Linux)."""

MAP_TOP: u64 = TOP - (128 << 20)
"""Mappings that ask for no address are laid below this, the newest lowest."""

TIME_PAGE: u64 = 0x7FFF_FFFF_8000
"""The page of times (kernel/machine/time_page.py), and behind it the page of code of the vDSO."""

VDSO: u64 = TIME_PAGE + 4096
