"""Shoot-down: other processors forget translations before what they led to is used for something else.

Interface: `forget` after taking rights from entries of a user root, `forget_kernel` for the kernel's half, `abandon`
before a root is freed. Each comes back when no processor has the old translations any more, so frames are released
after it, not before. May be called under any spinlock: who waits for one serves requests (machine/translations.py).

What the processor that asks remembers itself: `forget` leaves that to the caller, who may know the few pages that have
changed (pages.py); `forget_kernel` sees to it, as a translation of the kernel's half is global and may have been made
by any thread that ran here.
"""

from __future__ import annotations

from codegen.lang import Atomic, Order, PhysAddr, inline, struct, u32, u64
from kernel.base.lock_rank import LockRank
from kernel.base.spinlock import SpinLock
from kernel.machine.cpu import current_cpu_number, flush_all_translations
from kernel.machine.instructions import spin_hint
from kernel.machine.local_apic import send_interrupt
from kernel.machine.processors import PROCESSORS
from kernel.machine.translations import NO_ROOT, TRANSLATIONS, is_used, may_use, use_root
from kernel.machine.trap import Vector


@struct
class Shootdown:
    """One processor at a time asks the others."""

    barrier: Atomic[u32] = inline()
    """What is added to for the sake of the memory barrier: tables are changed before anybody looks who uses them."""

    lock: SpinLock = inline(SpinLock(LockRank.TRANSLATIONS))
    count: u64 = 0
    """How often others were asked: for statistics."""

    def ask(self, root: u64, abandoned: u64, everything: u32) -> None:
        """Ask every other processor that uses `root` (NO_ROOT: all of them), and wait until they have done it."""
        myself = current_cpu_number()
        self.count += 1
        for number in range(PROCESSORS.running):
            other = TRANSLATIONS.of[number]
            if u32(number) != myself and (root == NO_ROOT or may_use(number, root)):
                other.abandoned.store(abandoned)
                other.everything.store(everything)
                other.asked.fetch_add(1)
                send_interrupt(PROCESSORS.apic_ids[number], Vector.TLB_SHOOTDOWN)
        for number in range(PROCESSORS.running):
            other = TRANSLATIONS.of[number]
            while other.served.load(Order.ACQUIRE) != other.asked.load(Order.RELAXED):
                spin_hint()


SHOOTDOWN = Shootdown()


def others_use(root: PhysAddr) -> bool:
    """Whether another processor may have translations of the user half of `root`."""
    if PROCESSORS.running <= 1:
        return False
    SHOOTDOWN.barrier.fetch_add(1)
    myself = current_cpu_number()
    for number in range(PROCESSORS.running):
        if u32(number) != myself and may_use(number, u64(root)):
            return True
    return False


def forget(root: PhysAddr) -> None:
    """No other processor remembers translations of the user half of `root` that were changed before the call."""
    if others_use(root):
        with SHOOTDOWN.lock:
            SHOOTDOWN.ask(u64(root), NO_ROOT, 0)


def forget_kernel() -> None:
    """No processor, nor this one, remembers translations of the kernel's half that were changed before the call."""
    flush_all_translations()
    if PROCESSORS.running > 1:
        with SHOOTDOWN.lock:
            SHOOTDOWN.ask(NO_ROOT, NO_ROOT, 1)


def abandon(root: PhysAddr) -> None:
    """No processor uses `root` any more: what has it loaded runs a thread of the kernel, or none."""
    if is_used(root):
        use_root(PhysAddr(TRANSLATIONS.kernel_root))
    if others_use(root):
        with SHOOTDOWN.lock:
            SHOOTDOWN.ask(u64(root), u64(root), 0)
