"""The interrupt descriptor table: every vector enters by its stub of boot/stubs/traps.py."""

from __future__ import annotations

from boot.layout import KERNEL_CODE
from codegen.lang import (
    Array,
    address_of,
    bit,
    bits,
    inline_array,
    instruction,
    local,
    struct,
    symbol_address,
    truncate,
    u16,
    u64,
)
from kernel.machine.segments import DOUBLE_FAULT_STACK, MACHINE_CHECK_STACK, NMI_STACK, TablePointer
from kernel.machine.trap import Vector

VECTOR_COUNT = 256
ENTRY_STRIDE = 16
"""Bytes from one entry stub to the next."""

INTERRUPT_GATE = 0xE
"""A gate that switches interrupts off (SDM vol. 3A, table 3-2)."""


@bits
class GateLow:
    """The first 8 bytes of a 64-bit gate (SDM vol. 3A, figure 6-8)."""

    offset_low: u64 = bits(0, 16)
    selector: u64 = bits(16, 32)
    stack: u64 = bits(32, 35)
    kind: u64 = bits(40, 44)
    privilege: u64 = bits(45, 47)
    present: bool = bit(47)
    offset_middle: u64 = bits(48, 64)


@struct(size=16)
class Gate:
    """One entry of the table."""

    low: GateLow = GateLow()
    offset_high: u64 = 0

    def point_to(self, address: u64, stack: u64, privilege: u64) -> None:
        """Enter at `address`, on an emergency stack unless `stack` is 0, open to `int` from `privilege`."""
        self.low = GateLow(
            offset_low=address & 0xFFFF,
            offset_middle=address >> 16 & 0xFFFF,
            selector=KERNEL_CODE,
            stack=stack,
            kind=INTERRUPT_GATE,
            privilege=privilege,
            present=True,
        )
        self.offset_high = address >> 32


@struct
class GateTable:
    """The table, one for all processors; constant after start."""

    gates: Array[Gate] = inline_array(VECTOR_COUNT)


IDT = GateTable()


@instruction("lidt ($0)", "r,~{memory}")
def _load_gate_table(pointer: u64) -> None:
    """LIDT."""


def stack_of(vector: u64) -> u64:
    """The emergency stack of the exceptions that may come at any instruction; 0 for all others."""
    if vector == Vector.NON_MASKABLE:
        return NMI_STACK
    if vector == Vector.DOUBLE_FAULT:
        return DOUBLE_FAULT_STACK
    if vector == Vector.MACHINE_CHECK:
        return MACHINE_CHECK_STACK
    return 0


def privilege_of(vector: u64) -> u64:
    """Ring 3 may raise a breakpoint and an overflow by instruction, and nothing else."""
    return 3 if vector == Vector.BREAKPOINT or vector == Vector.OVERFLOW else 0


def fill_gates() -> None:
    """Point every gate to its entry stub. Once, on the boot processor."""
    first = symbol_address("trap_entry_0")
    for vector in range(VECTOR_COUNT):
        IDT.gates[vector].point_to(first + vector * ENTRY_STRIDE, stack_of(vector), privilege_of(vector))


def load_gates() -> None:
    """Use the table on this processor."""
    pointer = local(TablePointer)
    pointer.limit = truncate(u16, VECTOR_COUNT * 16 - 1)
    pointer.base = address_of(IDT)
    _load_gate_table(address_of(pointer))
