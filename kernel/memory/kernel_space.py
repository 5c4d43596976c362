"""The kernel's own half of every address space, in its final form: nothing is both writable and executable.

| what | rights |
| --- | --- |
| image: text | read, execute |
| image: read-only data | read |
| image: data, bss | read, write |
| direct map of all memory | read, write; but only read where the text and read-only data lie |
| devices below 4 GiB, in the direct map | read, write, uncached |
| kernel stacks (stacks.py) | read, write; a guard below each |

The tables that hang at the root are made here, once, so that the roots of all address spaces can share them.
"""

from __future__ import annotations

from codegen.lang import Fallible, FrameNumber, PhysAddr, align_down, align_up, struct, symbol_address, u64
from kernel.machine.layout import (
    DEVICES_END,
    DIRECT_MAP,
    IMAGE_BASE,
    LARGE_PAGE_SIZE,
    PAGE_SIZE,
    STACKS,
)
from kernel.machine.paging import LEVELS, Entry, index_at, table_in
from kernel.machine.translations import TRANSLATIONS, use_root
from kernel.memory import frames, page_tables
from kernel.memory.account import KERNEL
from kernel.memory.frames import FrameUse


@struct
class KernelSpace:
    """The root that the kernel half of every other root is copied from."""

    root: FrameNumber = FrameNumber(0)


KERNEL_SPACE = KernelSpace()


def initialise(memory_end: u64, low_memory_end: u64) -> Fallible[None]:
    """Build the final tables for physical memory up to `memory_end`, and use them. ENOMEM.

    From `low_memory_end` up to 4 GiB there are devices.
    """
    root = frames.allocate(KERNEL, FrameUse.PAGE_TABLE)
    KERNEL_SPACE.root = root
    map_direct(root, max(align_up(memory_end, LARGE_PAGE_SIZE), DEVICES_END), low_memory_end)
    map_image(root)
    level3 = frames.allocate(KERNEL, FrameUse.PAGE_TABLE)
    table_in(root).entries[index_at(STACKS, LEVELS)] = Entry(present=True, writable=True, frame=level3)
    TRANSLATIONS.kernel_root = root * PAGE_SIZE
    activate()


def activate() -> None:
    """Use the kernel's own root, with an empty user half."""
    use_root(PhysAddr(KERNEL_SPACE.root * PAGE_SIZE))


def is_read_only(physical: u64) -> bool:
    """Whether a frame holds text or read-only data of the image."""
    virtual = IMAGE_BASE + physical
    return symbol_address("__text_start") <= virtual < symbol_address("__rodata_end")


def map_direct(root: FrameNumber, end: u64, low_memory_end: u64) -> Fallible[None]:
    """Map physical memory up to `end`, by pages of 2 MiB but where the image asks for finer rights."""
    image_end = align_up(symbol_address("__image_end") - IMAGE_BASE, LARGE_PAGE_SIZE)
    image_start = align_down(symbol_address("__text_start") - IMAGE_BASE, LARGE_PAGE_SIZE)
    physical: u64 = 0
    while physical < end:
        if image_start <= physical < image_end:
            for page in range(512):
                address = physical + page * PAGE_SIZE
                map_page(root, DIRECT_MAP + address, address, not is_read_only(address), True)
        else:
            map_large(root, DIRECT_MAP + physical, physical, low_memory_end <= physical < DEVICES_END)
        physical += LARGE_PAGE_SIZE


def map_large(root: FrameNumber, virtual: u64, physical: u64, device: bool) -> Fallible[None]:
    """Map 2 MiB, writable and not executable."""
    table = table_in(root)
    level: u64 = LEVELS
    while level > 2:
        index = index_at(virtual, level)
        entry = table.entries[index]
        if not entry.present:
            frame = frames.allocate(KERNEL, FrameUse.PAGE_TABLE)
            entry = Entry(present=True, writable=True, frame=frame)
            table.entries[index] = entry
        table = table_in(entry.frame)
        level -= 1
    table.entries[index_at(virtual, 2)] = Entry(
        present=True,
        writable=True,
        large=True,
        cache_disabled=device,
        global_page=True,
        no_execute=True,
        frame=FrameNumber(physical // PAGE_SIZE),
    )


def map_page(root: FrameNumber, virtual: u64, physical: u64, writable: bool, no_execute: bool) -> Fallible[None]:
    """Map one page of the kernel."""
    table = page_tables.make_table(root, virtual, KERNEL, False)
    table.entries[index_at(virtual, 1)] = Entry(
        present=True,
        writable=writable,
        global_page=True,
        no_execute=no_execute,
        frame=FrameNumber(physical // PAGE_SIZE),
    )


def map_image(root: FrameNumber) -> Fallible[None]:
    """Map the image by its sections."""
    map_section(root, symbol_address("__text_start"), symbol_address("__text_end"), False, False)
    map_section(root, symbol_address("__rodata_start"), symbol_address("__rodata_end"), False, True)
    map_section(root, symbol_address("__data_start"), symbol_address("__bss_end"), True, True)


def map_section(root: FrameNumber, start: u64, end: u64, writable: bool, no_execute: bool) -> Fallible[None]:
    """Map one section of the image, which begins on a page boundary."""
    address = start
    while address < end:
        map_page(root, address, address - IMAGE_BASE, writable, no_execute)
        address += PAGE_SIZE
