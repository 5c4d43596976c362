"""Where things are in memory: the kernel's view of the addresses of docs/internals.md, "Layout"."""

from __future__ import annotations

from codegen.lang import FrameNumber, PhysAddr, VirtAddr, u64

PAGE_SIZE: u64 = 4096
LARGE_PAGE_SIZE: u64 = 0x20_0000

IMAGE_BASE: u64 = 0xFFFF_FFFF_8000_0000
"""The kernel image runs at its physical address plus this."""
IMAGE_PHYSICAL: u64 = 0x20_0000
"""Where the kernel image is loaded."""

DIRECT_MAP: u64 = 0xFFFF_8000_0000_0000
"""All physical memory appears from here on."""
DIRECT_MAP_END: u64 = 0xFFFF_C000_0000_0000
DEVICES_END: u64 = 0x1_0000_0000
"""Device registers that the kernel uses lie below 4 GiB."""

STACKS: u64 = 0xFFFF_C000_0000_0000
"""Kernel stacks: slots of `STACK_SLOT`, the lower half of each a guard that is never mapped."""
STACK_SLOT: u64 = 0x8000
STACK_SIZE: u64 = 0x4000

USER_START: u64 = 0x1_0000
USER_END: u64 = 0x7FFF_FFFF_F000
"""Ring 3 owns the addresses from USER_START up to here; the last page below 2^47 stays free, as on Linux."""


def direct_map(address: PhysAddr) -> VirtAddr:
    """Where the physical `address` appears in the direct map."""
    return VirtAddr(DIRECT_MAP + u64(address))


def physical_address(address: u64) -> PhysAddr:
    """The physical address behind an address of the direct map; traps for any other."""
    assert DIRECT_MAP <= address < DIRECT_MAP_END, "not an address of the direct map"
    return PhysAddr(address - DIRECT_MAP)


def frame_address(frame: FrameNumber) -> u64:
    """Where the first byte of `frame` appears in the direct map."""
    return DIRECT_MAP + frame * PAGE_SIZE


def frame_at(address: u64) -> FrameNumber:
    """The frame that an address of the direct map lies in."""
    return FrameNumber(u64(physical_address(address)) // PAGE_SIZE)
