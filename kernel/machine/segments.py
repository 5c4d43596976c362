"""The segments that are left in 64-bit mode, and the task state with its stacks.

Each processor has tables of its own, since loading a task register marks its descriptor busy.
"""

from __future__ import annotations

from boot import layout
from boot.layout import TASK_STATE
from codegen.lang import (
    Array,
    VirtAddr,
    address_of,
    align_down,
    array,
    bit,
    bits,
    comptime,
    from_raw,
    hot,
    inline,
    inline_array,
    instruction,
    local,
    offset_of,
    size_of,
    struct,
    truncate,
    u8,
    u16,
    u32,
    u64,
)

MAXIMUM_CPUS = layout.MAXIMUM_CPUS
"""How many processors the static tables have room for."""

DESCRIPTORS = 9
"""Those of `FLAT_DESCRIPTORS`, and the task state, which takes two."""

EMERGENCY_STACK_SIZE = 4096

NMI_STACK = 1
DOUBLE_FAULT_STACK = 2
MACHINE_CHECK_STACK = 3
"""Numbers of stacks in the interrupt stack table (SDM vol. 3A, section 6.14.5)."""


@bits
class SegmentDescriptor:
    """A code, data or system descriptor (SDM vol. 3A, figure 3-8)."""

    limit_low: u64 = bits(0, 16)
    base_low: u64 = bits(16, 40)
    kind: u64 = bits(40, 44)
    code_or_data: bool = bit(44)
    privilege: u64 = bits(45, 47)
    present: bool = bit(47)
    limit_high: u64 = bits(48, 52)
    long_code: bool = bit(53)
    wide: bool = bit(54)
    in_pages: bool = bit(55)
    base_high: u64 = bits(56, 64)


CODE_READABLE = 0xA
DATA_WRITABLE = 0x2
TASK_STATE_AVAILABLE = 0x9
"""Descriptor types (SDM vol. 3A, tables 3-1 and 3-2)."""


@comptime
def flat(kind: int, privilege: int, long_code: bool, present: bool = True) -> SegmentDescriptor:
    """A segment over the whole address space."""
    return SegmentDescriptor(
        limit_low=0xFFFF,
        limit_high=0xF,
        kind=kind,
        code_or_data=True,
        privilege=privilege,
        present=present,
        long_code=long_code,
        wide=not long_code,
        in_pages=True,
    )


@struct(size=104, packed=True)
class TaskState:
    """The 64-bit task-state segment (SDM vol. 3A, figure 7-11)."""

    reserved_0: u32 = 0
    privileged_stacks: Array[u64] = array(3)
    reserved_1: u64 = 0
    interrupt_stacks: Array[u64] = array(7)
    reserved_2: u64 = 0
    reserved_3: u16 = 0
    io_map_base: u16 = 104


@struct(size=10, packed=True)
class TablePointer:
    """What LGDT and LIDT load (SDM vol. 3A, section 3.5.1)."""

    limit: u16 = 0
    base: u64 = 0


@struct
class SegmentTables:
    """Descriptors (ordered as in boot/layout.py), task state and emergency stacks of one processor."""

    descriptors: Array[SegmentDescriptor] = array(DESCRIPTORS)
    task_state: TaskState = inline()
    nmi_stack: Array[u8] = array(EMERGENCY_STACK_SIZE)
    double_fault_stack: Array[u8] = array(EMERGENCY_STACK_SIZE)
    machine_check_stack: Array[u8] = array(EMERGENCY_STACK_SIZE)

    def fill(self) -> None:
        """Write the descriptors and the addresses of the stacks."""
        for number in range(len(FLAT_DESCRIPTORS)):
            self.descriptors[number] = FLAT_DESCRIPTORS[number]
        base = address_of(self.task_state)
        self.descriptors[TASK_STATE // 8] = SegmentDescriptor(
            limit_low=size_of(TaskState) - 1,
            base_low=base & 0xFFFFFF,
            base_high=base >> 24 & 0xFF,
            kind=TASK_STATE_AVAILABLE,
            present=True,
        )
        # A system descriptor is 16 bytes: the second half is the top of the base.
        self.descriptors[TASK_STATE // 8 + 1] = from_raw(SegmentDescriptor, base >> 32)
        stacks = self.task_state.interrupt_stacks
        stacks[NMI_STACK - 1] = stack_top(address_of(self) + offset_of(SegmentTables, "nmi_stack"))
        stacks[DOUBLE_FAULT_STACK - 1] = stack_top(address_of(self) + offset_of(SegmentTables, "double_fault_stack"))
        stacks[MACHINE_CHECK_STACK - 1] = stack_top(address_of(self) + offset_of(SegmentTables, "machine_check_stack"))


@struct
class AllSegmentTables:
    """The tables of every processor, by its number."""

    of_cpu: Array[SegmentTables] = inline_array(MAXIMUM_CPUS)


FLAT_DESCRIPTORS = (
    SegmentDescriptor(),
    flat(CODE_READABLE, 0, True),
    flat(DATA_WRITABLE, 0, False),
    SegmentDescriptor(),
    flat(CODE_READABLE, 3, False, False),
    flat(DATA_WRITABLE, 3, False),
    flat(CODE_READABLE, 3, True),
)
"""Null, kernel code, kernel data, null, 32-bit user code, user data, user code.

There are no 32-bit programs: whoever asks about their segment (LAR) finds it where Linux has it, and whoever goes there
gets a fault, as it is not present (SIGBUS).
"""

TABLES = AllSegmentTables()


def stack_top(lowest: u64) -> u64:
    """One past the end of an emergency stack, aligned as the processor wants it."""
    return align_down(lowest + EMERGENCY_STACK_SIZE, 16)


@instruction("lgdt ($0)", "r,~{memory}")
def _load_descriptor_table(pointer: u64) -> None:
    """LGDT."""


@instruction("ltr $0", "r,~{memory}")
def _load_task_register(selector: u16) -> None:
    """LTR."""


@instruction(
    "pushq $$0x08\n\tleaq 1f(%rip), %rax\n\tpushq %rax\n\tlretq\n1:\n\t"
    "movw $$0x10, %ax\n\tmovw %ax, %ss\n\txorl %eax, %eax\n\tmovw %ax, %ds\n\tmovw %ax, %es",
    "~{ax},~{memory},~{flags}",
)
def _reload_segments() -> None:
    """Load CS with KERNEL_CODE by a far return, SS with KERNEL_DATA. FS and GS stay, and so their bases."""


def load_segments(cpu_number: u32) -> None:
    """Use this processor's own tables."""
    tables = TABLES.of_cpu[cpu_number]
    tables.fill()
    pointer = local(TablePointer)
    pointer.limit = truncate(u16, DESCRIPTORS * 8 - 1)
    pointer.base = address_of(tables) + offset_of(SegmentTables, "descriptors")
    _load_descriptor_table(address_of(pointer))
    _reload_segments()
    _load_task_register(TASK_STATE)


@hot
def set_kernel_stack(cpu_number: u32, top: VirtAddr) -> None:
    """Where the processor puts the frame of an interrupt of ring 3 (RSP0)."""
    TABLES.of_cpu[cpu_number].task_state.privileged_stacks[0] = u64(top)
