"""Measures what mmap(2) and the first access to a page cost."""

from __future__ import annotations

from codegen.lang import slice_at, truncate, u8, u64
from user.bench.measure import checked, now, report
from user.lib.system import system_call

MMAP: u64 = 9
MUNMAP: u64 = 11
READ_WRITE: u64 = 3
PRIVATE_ANONYMOUS: u64 = 0x22
NO_FILE: u64 = (1 << 64) - 1

PAGE: u64 = 4096
PAGES: u64 = 1024
MAPPINGS: u64 = 1000


def map_memory(length: u64) -> u64:
    """The address of `length` fresh bytes."""
    return checked(system_call(MMAP, 0, length, READ_WRITE, PRIVATE_ANONYMOUS, NO_FILE, 0), b"mmap")


def unmap_memory(address: u64, length: u64) -> None:
    """munmap(2)."""
    checked(system_call(MUNMAP, address, length, 0, 0, 0, 0), b"munmap")


def page_faults() -> None:
    """The first write to a page, with its share of giving everything back."""
    start = now()
    address = map_memory(PAGES * PAGE)
    for page in range(PAGES):
        slice_at(u8, address + page * PAGE, 1)[0] = truncate(u8, page)
    unmap_memory(address, PAGES * PAGE)
    report(b"page_fault", start, PAGES)


def mappings() -> None:
    """mmap and munmap of a page that is not touched."""
    start = now()
    for _ in range(MAPPINGS):
        unmap_memory(map_memory(PAGE), PAGE)
    report(b"mmap_munmap", start, MAPPINGS)


def measure() -> None:
    """All of it, once to warm up: page tables are there then, as in a program that runs for long."""
    unmap_memory(map_memory(PAGES * PAGE), PAGES * PAGE)
    page_faults()
    mappings()
