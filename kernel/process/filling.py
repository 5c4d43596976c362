"""Filling in pages before a program touches them (mmap(2) MAP_POPULATE, mlock(2), madvise(2))."""

from __future__ import annotations

from codegen.lang import Errno, Fallible, local, sleeps, u64
from kernel.base.errno import EAGAIN, EFAULT, EINTR, EINVAL, ENOMEM, ENXIO
from kernel.memory.fault import Filling
from kernel.memory.region import Access
from kernel.memory.space import AddressSpace
from kernel.sched.preemption import preemption_point


@sleeps
def fill(space: AddressSpace, filling: Filling) -> Fallible[None]:
    """Fill in all of a range. EFAULT, ENXIO and ENOMEM as `handle_fault`; EINTR when the thread is to end."""
    while filling.position < filling.end:
        filling.step(space)
        preemption_point()


@sleeps
def fill_for_advice(space: AddressSpace, start: u64, end: u64, access: Access) -> Fallible[None]:
    """MADV_POPULATE_READ and _WRITE: ENOMEM where nothing is mapped, or no page is left, EINVAL where the rights forbid
    it, EFAULT beyond the end of a file.
    """
    filling = local(Filling)
    filling.position = start
    filling.end = end
    filling.access = access
    try:
        fill(space, filling)
    except EFAULT:
        with space.lock:
            if space.region_at(filling.position) is None:
                raise ENOMEM from None
        raise EINVAL from None
    except ENXIO:
        raise EFAULT from None


@sleeps
def fill_mapped(space: AddressSpace, start: u64, end: u64) -> Fallible[None]:
    """Fill in what is mapped of a range: private memory that may be written to as if it were (mlock(2)).

    ENOMEM at a hole, and for what may not be read or lies beyond the end of a file; EAGAIN when no page is left.
    """
    filling = local(Filling)
    filling.position = start
    while filling.position < end:
        with space.lock:
            region = space.region_at(filling.position)
            if region is None:
                raise ENOMEM
            filling.end = min(region.end, end)
            filling.access = Access.WRITE if region.allows(Access.WRITE) and not region.shared else Access.READ
        try:
            fill(space, filling)
        except EINTR:
            raise
        except ENOMEM:
            raise EAGAIN from None
        except Errno:
            raise ENOMEM from None


@sleeps
def fill_silently(space: AddressSpace, start: u64, end: u64) -> None:
    """`fill_mapped`, as far as it goes: what is not there is no error (mmap(2), MAP_POPULATE)."""
    try:
        fill_mapped(space, start, end)
    except Errno:
        return
