"""Where the parts of a program lie in the user half of its address space."""

from __future__ import annotations

from codegen.lang import u64

STACK_GAP: u64 = 1 << 20
"""What stays unmapped between the stack and the area of mmap."""

TOP: u64 = 0x7FFF_FFFF_0000
"""Where the stack of a program ends."""

STACK_SIZE: u64 = 8 << 20
"""The stack of a program is 8 MiB of addresses, as RLIMIT_STACK says; pages come when they are touched."""

MAP_TOP: u64 = TOP - STACK_SIZE - STACK_GAP
"""Mappings that ask for no address are laid below this, the newest lowest."""
