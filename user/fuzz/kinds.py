"""What random arguments are made of: the kinds of value, and how a table of calls is written down.

The table is an array of words that the program gets as input (tests/system/fuzz_table.py makes it from the kernel's
own declarations). A call is `CALL_WORDS` words: its number, and a value for each of six arguments. A value is a word,
`Value`: what kind it is, and for CHOICE, FLAGS and TEXT what it is taken from, for STRUCT the values of its fields,
each as wide as it says, one after the other.
"""

from __future__ import annotations

from enum import IntEnum

from codegen.lang import bits, u8, u32, u64, width

CALL_WORDS: u64 = 7
HEADER_WORDS: u64 = 8
"""Seed, rounds, calls of one, threads, calls that begin each round, all calls, words of the table, and none."""
TABLE_WORDS: u64 = 16384
TEXT_BYTES: u64 = 64


@width(u8)
class Kind(IntEnum):
    """How a value is thrown."""

    ANY = 0
    """Anything: small, at an edge, an address, a power of two, random."""
    DESCRIPTOR = 1
    RECENT = 2
    """What a call gave back lately: the number of a process, of a timer, an address."""
    ADDRESS = 3
    """Of a page of the area that the calls map, protect and unmap."""
    POINTER = 4
    """Of bytes that hold something, may be read only, or are not there."""
    LENGTH = 5
    CHOICE = 6
    """One of some words."""
    FLAGS = 7
    """Some of some words, or'ed."""
    STRUCT = 8
    """The address of a struct that is made for this call."""
    TEXT = 9
    """The address of one of some texts, each `TEXT_BYTES` of the table."""
    HANDLER = 10
    """The address of a signal handler."""
    STACK = 11
    """The upper end of a stack on which a thread finds what it does."""


@bits
class Value:
    """One value of a table."""

    kind: u8 = bits(0, 8)
    size: u8 = bits(8, 16)
    """In bytes, as a field of a struct: 1, 2, 4 or 8."""
    count: u32 = bits(16, 32)
    start: u32 = bits(32, 64)
    """Where its words begin in the table, and how many there are."""
