"""How another processor is started (SDM vol. 3A, section 8.4.4.1): INIT, 10 ms, start-up, 200 us, start-up again.

Interface: `reset_processor` for each, `RESET_TIME` once, then `start_processor` one at a time, which is over when the
new processor has called `answer`.

It begins in real mode, in a page below 1 MiB where a copy of the stub `trampoline` lies, and comes by protected mode
to the stub `processor_entry`, which loads what the order says and calls the exported `processor_main(number)`.
"""

from __future__ import annotations

from boot.layout import START_ORDER, TRAMPOLINE
from codegen.lang import (
    Atomic,
    Nanoseconds,
    VirtAddr,
    copy,
    inline,
    reference,
    slice_at,
    struct,
    symbol_address,
    u8,
    u32,
    u64,
)
from kernel.machine.clock import CLOCK, pause
from kernel.machine.cpu import page_table_root
from kernel.machine.instructions import read_time_stamp, spin_hint
from kernel.machine.layout import DIRECT_MAP, PAGE_SIZE
from kernel.machine.local_apic import send_init, send_start
from kernel.machine.msr import Msr, read_msr

RESET_TIME = Nanoseconds(10_000_000)
"""What a processor needs after INIT."""
REPEAT_TIME = Nanoseconds(200_000)
"""How long after the first start-up interrupt the second one comes."""
TIME_LIMIT = Nanoseconds(5_000_000_000)
"""How long a processor may take to answer: far more than it needs, but one in QEMU may have to wait for its turn."""

TAKEN: u32 = 0xFFFFFFFF
WITHDRAWN: u32 = 0


@struct
class StartOrder:
    """What the processor that is being started needs to know, and its answer. The stubs read it by offsets.

    `taker` is its APIC id plus 1 until it has taken the order, which makes it `TAKEN`, or the order is `WITHDRAWN`.
    """

    main: u64 = 0
    page_table: u64 = 0
    extended_features: u64 = 0
    stack: u64 = 0
    number: u32 = 0
    taker: Atomic[u32] = inline()
    answered: Atomic[u32] = inline()
    time_stamp: u64 = 0


def start_order() -> StartOrder:
    """The one order there is."""
    return reference(StartOrder, DIRECT_MAP + START_ORDER)


def answer() -> None:
    """Said by the new processor: it needs the order no more."""
    order = start_order()
    order.time_stamp = read_time_stamp()
    order.answered.store(1)


def place_trampoline() -> None:
    """Put the real-mode code where a start-up interrupt can point to."""
    start = symbol_address("trampoline")
    size = symbol_address("trampoline_end") - start
    copy(slice_at(u8, DIRECT_MAP + TRAMPOLINE, size), slice_at(u8, DIRECT_MAP + start, size))


def reset_processor(apic_id: u32) -> None:
    """Let a processor wait for a start-up interrupt, whatever it does now."""
    send_init(apic_id)


def start_processor(apic_id: u32, number: u32, stack: VirtAddr) -> bool:
    """Start a processor that was reset as `number` on `stack`. False, and reset again, if it fails to come.

    So does one whose time-stamp counter is not in step with that of the boot processor, as time would go back for
    a thread that moves there. A processor of QEMU may be reset much later, so one that failed may still use the stack.
    """
    order = start_order()
    order.main = symbol_address("processor_main")
    order.page_table = u64(page_table_root())
    order.extended_features = read_msr(Msr.EFER)
    order.stack = u64(stack)
    order.number = number
    order.answered.store(0)
    order.taker.store(apic_id + 1)
    before = read_time_stamp()
    send_start(apic_id, u32(TRAMPOLINE // PAGE_SIZE))
    if not wait_for_answer(REPEAT_TIME):
        send_start(apic_id, u32(TRAMPOLINE // PAGE_SIZE))
    has_answered = wait_for_answer(TIME_LIMIT)
    if not has_answered and not order.taker.compare_exchange(apic_id + 1, WITHDRAWN):
        has_answered = wait_for_answer(TIME_LIMIT)
    if has_answered and before <= order.time_stamp <= read_time_stamp():
        return True
    reset_processor(apic_id)
    pause(RESET_TIME)
    return False


def wait_for_answer(limit: Nanoseconds) -> bool:
    """Wait until the processor has answered, at most so long."""
    deadline = CLOCK.nanoseconds() + limit
    while CLOCK.nanoseconds() < deadline:
        if start_order().answered.load() != 0:
            return True
        spin_hint()
    return start_order().answered.load() != 0
