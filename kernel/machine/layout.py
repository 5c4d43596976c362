"""Where things are in memory: the numbers of boot/layout.py as the kernel uses them."""

from __future__ import annotations

from boot import layout
from codegen.lang import FrameNumber, PhysAddr, u64, wrapping_add, wrapping_mul

PAGE_SIZE: u64 = layout.PAGE_SIZE
LARGE_PAGE_SIZE: u64 = layout.LARGE_PAGE_SIZE

IMAGE_BASE: u64 = layout.KERNEL_BASE
"""The kernel image runs at its physical address plus this."""
IMAGE_PHYSICAL: u64 = layout.KERNEL_PHYSICAL
"""Where the kernel image is loaded."""

BOOT_AREA_END: u64 = layout.BOOT_AREA_END
"""Physical memory below, with the boot stack, is never given away."""

DIRECT_MAP: u64 = layout.DIRECT_MAP
"""All physical memory appears from here on."""
DIRECT_MAP_END: u64 = layout.STACK_AREA
DEVICES_END: u64 = layout.BOOT_MAPPED
"""Device registers that the kernel uses lie below 4 GiB."""

STACKS: u64 = layout.STACK_AREA
"""Kernel stacks: slots of `STACK_SLOT`, the lower half of each a guard that is never mapped."""
STACK_SLOT: u64 = layout.STACK_SLOT_SIZE
STACK_SIZE: u64 = layout.STACK_SIZE

USER_START: u64 = layout.USER_START
USER_END: u64 = layout.USER_END
"""Ring 3 owns the addresses from USER_START up to here; the last page below 2^47 stays free, as on Linux."""


def physical_address(address: u64) -> PhysAddr:
    """The physical address behind an address of the direct map; traps for any other."""
    assert DIRECT_MAP <= address < DIRECT_MAP_END, "not an address of the direct map"
    return PhysAddr(address - DIRECT_MAP)


def frame_address(frame: FrameNumber) -> u64:
    """Where the first byte of `frame` appears in the direct map."""
    # No processor has physical addresses of more than 52 bits, so this cannot wrap.
    return wrapping_add(u64, DIRECT_MAP, wrapping_mul(u64, frame, PAGE_SIZE))


def frame_at(address: u64) -> FrameNumber:
    """The frame that an address of the direct map lies in."""
    return FrameNumber(u64(physical_address(address)) // PAGE_SIZE)
