"""The end of the kernel by its own fault: say why, print a Python traceback, stop the machine.

Interface: `fail` for a fault of the processor; compiled code calls `trap_message` and `trap_failed`.

Every function keeps its frame pointer, so the callers are found by walking the chain of saved rbp (System V ABI,
section 3.4.1). Nothing is allocated and no lock is taken. A panic within the panic is reported in one line.

The first processor that panics stops the others by a non-maskable interrupt before it prints a word, so there is one
traceback, whatever they find wrong meanwhile.
"""

from __future__ import annotations

from typing import Never

from codegen.lang import (
    Array,
    Atomic,
    Slice,
    TrapKind,
    array,
    export,
    inline,
    inline_array,
    invert,
    reference,
    slice_at,
    struct,
    symbol_address,
    u8,
    u32,
    u64,
)
from kernel.base.line_table import HEADER_SIZE, NO_RECORD, LineTable, table_size
from kernel.base.log import LAST_WORDS
from kernel.machine.exit import exit_machine
from kernel.machine.instructions import disable_interrupts, frame_pointer, spin_hint
from kernel.machine.processors import PROCESSORS, interrupt_others, this_processor
from kernel.machine.segments import MAXIMUM_CPUS
from kernel.machine.stubs import halt_forever

PANIC_STATUS: u8 = 0x7F
"""What isa-debug-exit is given: QEMU ends with status 255."""

STOP_SPINS = 1_000_000
"""How long to wait for the other processors: some 100 ms."""

DEEPEST: u64 = 48
DEEPEST_INLINING: u64 = 16
KERNEL_HALF_START: u64 = 0xFFFF_8000_0000_0000


@struct
class FrameRecord:
    """What a function pushes first: the caller's rbp, above which lies the return address."""

    caller: u64 = 0
    return_address: u64 = 0


@struct
class Message:
    """The text of the last failure on one processor."""

    address: u64 = 0
    length: u64 = 0


@struct
class PanicState:
    """The panic in progress; all but the first three fields belong to the processor that reports."""

    reporter: Atomic[u32] = inline()
    """The number of the processor that reports, plus 1; 0 while there is no panic."""
    stopped: Atomic[u32] = inline()
    """A bit for each processor that has stopped, by its number."""
    messages: Array[Message] = inline_array(MAXIMUM_CPUS)
    depth: u64 = 0
    addresses: Array[u64] = array(DEEPEST)
    table: LineTable = inline()
    inlined: Array[u32] = array(DEEPEST_INLINING)


PANIC = PanicState()


@export
def trap_message(address: u64, length: u64) -> None:
    """Keep the text of the assertion that failed, or of the panic that was asked for."""
    message = PANIC.messages[this_processor()]
    message.address = address
    message.length = length


@export
def trap_failed(kind: u32) -> Never:
    """A checked operation failed in the kernel."""
    disable_interrupts()
    begin()
    record = reference(FrameRecord, frame_pointer())
    # The call is one byte before its return address; + 1 makes all of these return addresses.
    collect(record.return_address, record.caller)
    message = PANIC.messages[this_processor()]
    finish(meaning_of(TrapKind(kind)), slice_at(u8, message.address, message.length))


def fail(reason: Slice[u8], instruction: u64, frame: u64) -> Never:
    """Something went wrong at address `instruction`, with `frame` in rbp: a fault, or an interrupt that says so."""
    disable_interrupts()
    begin()
    collect(instruction + 1, frame)
    finish(reason, b"")


def begin() -> None:
    """Stop the other processors; stop here if another one reports, or if this one failed while reporting."""
    own = this_processor()
    if PANIC.reporter.compare_exchange(0, own + 1):
        stop_others()
        return
    if PANIC.reporter.load() == own + 1:
        LAST_WORDS("panic: another one while reporting this one")
        exit_machine(PANIC_STATUS)
    PANIC.stopped.fetch_or(1 << own)
    while True:
        halt_forever()


def stop_others() -> None:
    """Let every other processor come to `begin`, by way of `fail`; one that does not is not waited for much longer."""
    interrupt_others()
    all_running: u32 = (1 << PROCESSORS.running) - 1
    others = all_running & invert(u32, 1 << this_processor())
    for _ in range(STOP_SPINS):
        if PANIC.stopped.load() == others:
            return
        spin_hint()


def collect(address: u64, frame: u64) -> None:
    """Note the return address `address` and those of its callers, innermost first."""
    PANIC.addresses[0] = address
    depth: u64 = 1
    while depth < DEEPEST and frame >= KERNEL_HALF_START and frame % 8 == 0:
        record = reference(FrameRecord, frame)
        if record.return_address < KERNEL_HALF_START:
            break
        PANIC.addresses[depth] = record.return_address
        depth += 1
        if record.caller <= frame:
            break
        frame = record.caller
    PANIC.depth = depth


def finish(reason: Slice[u8], text: Slice[u8]) -> Never:
    """Print what was collected, and stop."""
    LAST_WORDS.echo = True
    LAST_WORDS("")
    LAST_WORDS("Traceback (innermost last):")
    start = symbol_address("__line_table")
    PANIC.table.content = slice_at(u8, start, table_size(slice_at(u8, start, HEADER_SIZE)))
    if PANIC.table.is_valid():
        index = PANIC.depth
        while index > 0:
            index -= 1
            print_call(PANIC.addresses[index])
    print_reason(reason, text)
    exit_machine(PANIC_STATUS)


def print_reason(reason: Slice[u8], text: Slice[u8]) -> None:
    """Print the last line: which processor, if there are several, and what went wrong."""
    LAST_WORDS.text(b"panic")
    if PROCESSORS.running > 1 or this_processor() > 0:
        LAST_WORDS.text(b" on cpu ")
        LAST_WORDS.unsigned(u64(this_processor()))
    if len(text) == 0:
        LAST_WORDS(f": {reason}")
    else:
        LAST_WORDS(f": {reason}: {text}")


def print_call(return_address: u64) -> None:
    """Print the function that a return address lies in, after those that it was inlined into."""
    table = PANIC.table
    start = symbol_address("__text_start")
    record = table.find(return_address - 1 - start) if return_address > start else NO_RECORD
    if record == NO_RECORD:
        LAST_WORDS(f"  at {return_address:#x}")
        return
    count: u64 = 0
    while record != NO_RECORD and count < DEEPEST_INLINING:
        PANIC.inlined[count] = record
        count += 1
        record = table.caller(record)
    while count > 0:
        count -= 1
        found = PANIC.inlined[count]
        LAST_WORDS(f'  File "{table.file(found)}", line {table.line(found)}, in {table.function(found)}')
        LAST_WORDS(f"    {table.text(found)}")


def meaning_of(kind: TrapKind) -> Slice[u8]:
    """What a trap says, as CPython does for the same (codegen.lang.traps)."""
    match kind:
        case TrapKind.OVERFLOW:
            return b"integer overflow"
        case TrapKind.SHIFT:
            return b"shift loses bits, or its count is not below the width"
        case TrapKind.DIVISION:
            return b"division by zero"
        case TrapKind.NARROWING:
            return b"value does not fit the narrower type"
        case TrapKind.BOUNDS:
            return b"index out of bounds"
        case TrapKind.ASSERTION:
            return b"assertion failed"
        case TrapKind.MATCH:
            return b"no case matches"
        case TrapKind.NULL:
            return b"reference used before it was set"
        case TrapKind.UNREACHABLE:
            return b"unreachable code reached"
        case TrapKind.PANIC:
            return b"panic"
        case TrapKind.ENUM:
            return b"value is not a member of the enumeration"
