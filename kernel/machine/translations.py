"""What each processor has loaded of the page tables, and how it forgets translations that others have changed.

A processor that changes a page table asks those that use the table to forget what they remember of it (SDM vol. 3A,
section 4.10.5), by an interrupt, and waits until they have: kernel/memory/shootdown.py. Here is what the one that is
asked does. It may be spinning for a lock with interrupts off, held by the very one that waits for it; so spin loops
look as well.
"""

from __future__ import annotations

from codegen.lang import Array, Atomic, Order, PhysAddr, hot, inline, inline_array, struct, u32, u64
from kernel.machine.cpu import current_cpu_number, flush_all_translations, load_page_table
from kernel.machine.segments import MAXIMUM_CPUS

NO_ROOT: u64 = 0xFFFF_FFFF_FFFF_FFFF
"""No page table has this address."""


@struct
class Translations:
    """Of one processor. Others only count up `asked`, after setting what is asked for."""

    root: Atomic[u64] = inline()
    """The physical address of the top page table that it uses."""
    leaving: Atomic[u64] = inline()
    """The one that it used before, while it changes to `root`: it may still walk the tables below; else NO_ROOT."""
    asked: Atomic[u64] = inline()
    served: Atomic[u64] = inline()
    abandoned: Atomic[u64] = inline()
    """A root that is about to be freed: not to be used any longer."""
    everything: Atomic[u32] = inline()
    """Not 0: forget the translations of the kernel too."""


@struct
class AllTranslations:
    """Of every processor, by its number."""

    of: Array[Translations] = inline_array(MAXIMUM_CPUS)
    kernel_root: u64 = 0
    """The root without a user half, in use where no program's is."""


TRANSLATIONS = AllTranslations()


@hot
def use_root(root: PhysAddr) -> None:
    """Let this processor use another top page table.

    That is said before it is so, and the old one is given up after it is so: a change of a table must miss nobody.
    """
    mine = TRANSLATIONS.of[current_cpu_number()]
    mine.leaving.store(mine.root.load(Order.RELAXED), Order.RELAXED)
    mine.root.exchange(u64(root))
    load_page_table(root)
    mine.leaving.store(NO_ROOT, Order.RELEASE)


def may_use(number: u64, root: u64) -> bool:
    """Whether processor `number` may have translations of the user half of `root`, or walk its tables.

    Only after a full memory barrier behind the change that it is to see.
    """
    other = TRANSLATIONS.of[number]
    # In this order: a processor writes `leaving` before `root`.
    return other.root.load(Order.ACQUIRE) == root or other.leaving.load(Order.ACQUIRE) == root


@hot
def is_used(root: PhysAddr) -> bool:
    """Whether this processor uses the top page table `root`."""
    return TRANSLATIONS.of[current_cpu_number()].root.load(Order.RELAXED) == u64(root)


def serve() -> None:
    """Do what this processor was asked for, if it was. Interrupts are off."""
    mine = TRANSLATIONS.of[current_cpu_number()]
    asked = mine.asked.load(Order.ACQUIRE)
    if asked == mine.served.load(Order.RELAXED):
        return
    root = mine.root.load(Order.RELAXED)
    if root == mine.abandoned.load(Order.RELAXED):
        use_root(PhysAddr(TRANSLATIONS.kernel_root))
    elif mine.everything.load(Order.RELAXED) != 0:
        flush_all_translations()
    else:
        load_page_table(PhysAddr(root))
    mine.served.store(asked, Order.RELEASE)
