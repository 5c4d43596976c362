"""Orders to the puppet: each is eight words, a number and up to six arguments; the answer is one word.

A number below FIRST is that system call with these arguments.
"""

from __future__ import annotations

from codegen.lang import u64

ORDER_WORDS: u64 = 8
READY: u64 = 1
"""The first answer, before any order."""

FIRST: u64 = 0x10000
LOAD: u64 = 0x10000
"""Read (count) bytes of input into the data at (offset); answers their address."""
FORK: u64 = 0x10001
"""fork(2), a child that ends at once, wait4(2); answers what fork did."""
THREAD: u64 = 0x10002
"""clone(2) of a thread that ends at once, and wait for its end; answers what clone did."""
REPEAT: u64 = 0x10003
"""Make a system call (number, five arguments) until it fails or a million times; answers how often it succeeded."""
TOUCH: u64 = 0x10004
"""Write to each page of (address, length); answers the number of pages."""
FORK_BOMB: u64 = 0x10005
"""fork(2) for ever, in every child too."""
THREADS: u64 = 0x10006
"""clone(2) threads that sleep until it fails; answers how many there are."""
CHILDREN: u64 = 0x10007
"""fork(2) children that sleep until it fails; answers how many there are."""
