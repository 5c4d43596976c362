"""What /proc tells of memory as the container has it: meminfo, vmstat, zoneinfo and others (proc(5)).

The limit of the container is the total. What the kernel does not count, and what there is not, is 0.
"""

from __future__ import annotations

from codegen.lang import Fallible, Slice, u8, u64
from kernel.base.text import split_at
from kernel.base.writer import Writer
from kernel.files.inode import Inode
from kernel.memory import frames
from kernel.sched.cpu import current

KIBIBYTES_PER_PAGE: u64 = 4
NAME_WIDTH: u64 = 16
SPACE: u8 = 0x20
ADDRESSES: u64 = 34_359_738_367
"""VmallocTotal of x86-64 with page tables of four levels, in KiB."""

NOTHING = (
    b"Buffers Cached SwapCached Active Inactive Active(anon) Inactive(anon) Active(file) Inactive(file) Unevictable "
    b"Mlocked SwapTotal SwapFree Dirty Writeback AnonPages Mapped Shmem KReclaimable Slab SReclaimable SUnreclaim "
    b"KernelStack PageTables NFS_Unstable Bounce WritebackTmp"
)
NOTHING_OF_ADDRESSES = b"VmallocUsed VmallocChunk Percpu AnonHugePages ShmemHugePages ShmemPmdMapped"
"""What meminfo tells of that this kernel has not, or does not count."""

HUGE_PAGES = (
    b"HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\n"
    b"Hugepagesize:       2048 kB\nHugetlb:               0 kB\n"
)

NOTHING_OF_VMSTAT = (
    b"nr_mlock 0\nnr_dirty 0\nnr_writeback 0\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgmajfault 0\npgrotated 0\n"
    b"drop_pagecache 0\ndrop_slab 0\nthp_fault_alloc 0\nswap_ra 0\nswap_ra_hit 0\n"
)


def room() -> tuple[u64, u64]:
    """How many pages are free, and how many there are, for the container that asks."""
    free, total = frames.counts()
    pages = current().process.container.account.pages
    return min(free, pages.limit - min(pages.used.load(), pages.limit)), min(total, pages.limit)


def write_memory_information(inode: Inode, writer: Writer) -> Fallible[None]:
    """meminfo."""
    free, total = room()
    write_size(writer, b"MemTotal", total)
    write_size(writer, b"MemFree", free)
    write_size(writer, b"MemAvailable", free)
    write_nothing(writer, NOTHING)
    write_size(writer, b"CommitLimit", total)
    write_size(writer, b"Committed_AS", total - free)
    writer(f"VmallocTotal:   {ADDRESSES} kB\n")
    write_nothing(writer, NOTHING_OF_ADDRESSES)
    writer.text(HUGE_PAGES)


def write_nothing(writer: Writer, names: Slice[u8]) -> None:
    """A line that says 0 for each of the names."""
    rest = names
    while len(rest) > 0:
        name, rest = split_at(rest, SPACE)
        write_size(writer, name, 0)


def write_size(writer: Writer, name: Slice[u8], pages: u64) -> None:
    """A line: the name, and KiB to the right of it."""
    writer.text(name)
    writer.text(b":")
    for _ in range(u64(len(name)) + 1, NAME_WIDTH):
        writer.text(b" ")
    writer.padded(pages * KIBIBYTES_PER_PAGE, 10, 8)
    writer.text(b" kB\n")


def write_memory_statistics(inode: Inode, writer: Writer) -> Fallible[None]:
    """vmstat: counts since the start, as far as there are any.

    Page faults are those of the processes that live.
    """
    free, _ = room()
    faults: u64 = 0
    for process in current().process.container.processes:
        faults += process.used.used.faults + process.used_by_children.used.faults
        for thread in process.threads:
            faults += thread.usage.faults
    writer(f"nr_free_pages {free}\npgfault {faults}\n")
    writer.text(NOTHING_OF_VMSTAT)


def write_zones(inode: Inode, writer: Writer) -> Fallible[None]:
    """zoneinfo: all memory is one zone."""
    free, total = room()
    writer(f"Node 0, zone   Normal\n  pages free     {free}\n        boost    0\n        min      0\n")
    writer(f"        low      0\n        high     0\n        spanned  {total}\n")
    writer(f"        present  {total}\n        managed  {total}\n")


def write_free_blocks(inode: Inode, writer: Writer) -> Fallible[None]:
    """buddyinfo: how many free blocks there are of 1, 2, 4, … pages."""
    writer.text(b"Node 0, zone   Normal ")
    for order in range(frames.ORDERS):
        writer.padded(frames.free_blocks_of(order), 10, 6)
        writer.text(b" ")
    writer.text(b"\n")
