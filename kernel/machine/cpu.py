"""The processor's own state: control registers, and the protections that they switch on.

Interface: `initialise_processor` once on every processor; then `load_page_table`, `read_fault_address`,
`current_cpu_address`, `current_cpu_number`, `allow_fpu_use`.
"""

from __future__ import annotations

from boot.layout import KERNEL_CODE, USER_DATA
from codegen.lang import (
    PhysAddr,
    bit,
    bits,
    from_raw,
    instruction,
    offset_of,
    replace,
    struct,
    symbol_address,
    to_raw,
    u32,
    u64,
)
from kernel.machine.cpuid import FEATURES
from kernel.machine.msr import (
    Msr,
    SystemCallTarget,
    read_extended_features,
    write_extended_features,
    write_gs_base,
    write_gs_base_user,
    write_msr,
)


@bits
class ControlRegister0:
    """CR0 (SDM vol. 3A, section 2.5)."""

    protected_mode: bool = bit(0)
    monitor_coprocessor: bool = bit(1)
    emulate_fpu: bool = bit(2)
    task_switched: bool = bit(3)
    numeric_error: bool = bit(5)
    write_protect: bool = bit(16)
    paging: bool = bit(31)


@bits
class ControlRegister4:
    """CR4 (SDM vol. 3A, section 2.5)."""

    debugging_extensions: bool = bit(3)
    large_pages: bool = bit(4)
    physical_address_extension: bool = bit(5)
    global_pages: bool = bit(7)
    fxsave: bool = bit(9)
    vector_exceptions: bool = bit(10)
    umip: bool = bit(11)
    fsgsbase: bool = bit(16)
    xsave: bool = bit(18)
    smep: bool = bit(20)
    smap: bool = bit(21)


@bits
class Flags:
    """RFLAGS (SDM vol. 1, figure 3-8)."""

    carry: bool = bit(0)
    always_one: bool = bit(1)
    parity: bool = bit(2)
    adjust: bool = bit(4)
    zero: bool = bit(6)
    sign: bool = bit(7)
    trap: bool = bit(8)
    interrupt: bool = bit(9)
    direction: bool = bit(10)
    overflow: bool = bit(11)
    io_privilege: u64 = bits(12, 14)
    nested_task: bool = bit(14)
    resume: bool = bit(16)
    alignment_check: bool = bit(18)


@struct
class EntryState:
    """What is reached through GS: every `Cpu` (kernel/sched/cpu.py) begins with these fields."""

    self_address: u64 = 0
    kernel_stack: u64 = 0
    user_stack: u64 = 0
    current: u64 = 0
    number: u32 = 0
    need_resched: bool = False


USER_FLAGS = Flags(always_one=True, interrupt=True)
"""RFLAGS of a program at its start."""

SYSTEM_CALL_MASK = Flags(
    trap=True, interrupt=True, direction=True, io_privilege=3, nested_task=True, alignment_check=True
)
"""What SYSCALL clears: no interrupt and no single step before the stack is switched, and no way past SMAP."""


@instruction("movq %cr0, $0", "=r,~{memory}")
def _read_cr0() -> u64:
    """CR0."""
    ...


@instruction("movq $0, %cr0", "r,~{memory}")
def _write_cr0(value: u64) -> None:
    """Set CR0."""


@instruction("movq %cr4, $0", "=r,~{memory}")
def _read_cr4() -> u64:
    """CR4."""
    ...


@instruction("movq $0, %cr4", "r,~{memory}")
def _write_cr4(value: u64) -> None:
    """Set CR4."""


@instruction("movq %cr2, $0", "=r,~{memory}")
def read_fault_address() -> u64:
    """CR2: the address whose access caused the last page fault."""
    ...


@instruction("movq %cr3, $0", "=r,~{memory}")
def _read_cr3() -> u64:
    """CR3."""
    ...


@instruction("movq $0, %cr3", "r,~{memory}")
def _write_cr3(value: u64) -> None:
    """Set CR3."""


@instruction("movq %gs:0, $0", "=r")
def current_cpu_address() -> u64:
    """The address of this processor's `Cpu`, which holds it in its first field."""
    ...


@instruction(f"movq %gs:{offset_of(EntryState, 'current')}, $0", "=r")
def current_thread_address() -> u64:
    """The address of the running thread, whatever processor that is."""
    ...


@instruction(f"movl %gs:{offset_of(EntryState, 'number')}, $0", "=r")
def current_cpu_number() -> u32:
    """The number of this processor, from 0: the index of what each has of its own.

    Stays true only while the thread cannot be switched.
    """
    ...


@instruction(f"movb $$1, %gs:{offset_of(EntryState, 'need_resched')}", "~{memory}")
def request_attention() -> None:
    """Let the thread that runs on this processor do what is left to do before it goes on in ring 3."""


@instruction("clts", "~{memory}")
def allow_fpu_use() -> None:
    """CLTS: FPU and vector instructions run without a trap."""


def page_table_root() -> PhysAddr:
    """The top page table in use on this processor."""
    return PhysAddr(_read_cr3())


def load_page_table(root: PhysAddr) -> None:
    """Use another top page table; forgets all translations but the global ones."""
    _write_cr3(u64(root))


def flush_all_translations() -> None:
    """Forget every translation on this processor, global ones too (SDM vol. 3A, section 4.10.4.1)."""
    value = from_raw(ControlRegister4, _read_cr4())
    _write_cr4(to_raw(replace(value, global_pages=False)))
    _write_cr4(to_raw(replace(value, global_pages=True)))


def set_user_fs_base(value: u64) -> None:
    """Set the FS base, where a C library keeps its thread pointer. The caller has checked the address."""
    write_msr(Msr.FS_BASE, value)


def set_current_cpu(address: u64) -> None:
    """Say where this processor's `Cpu` is; ring 3 begins with a GS base of 0."""
    write_gs_base(address)
    write_gs_base_user(0)


def initialise_processor() -> None:
    """Switch on what protects the kernel; let SYSCALL enter at `syscall_entry`. Runs on every processor."""
    if FEATURES.highest_leaf == 0:
        FEATURES.detect()
    extended = read_extended_features()
    write_extended_features(replace(extended, system_call=True, no_execute=FEATURES.no_execute))
    enable_protections()
    # SYSRET takes SS from base + 8 and CS from base + 16 (SDM vol. 2B).
    target = SystemCallTarget(kernel_code=KERNEL_CODE, user_base=USER_DATA - 8)
    write_msr(Msr.STAR, to_raw(target))
    write_msr(Msr.LSTAR, symbol_address("syscall_entry"))
    write_msr(Msr.FMASK, to_raw(SYSTEM_CALL_MASK))


def enable_protections() -> None:
    """Write protection in ring 0; SMEP, SMAP, UMIP where there are any (SDM vol. 3A, section 4.6)."""
    cr0 = from_raw(ControlRegister0, _read_cr0())
    _write_cr0(
        to_raw(replace(cr0, write_protect=True, monitor_coprocessor=True, emulate_fpu=False, numeric_error=True))
    )
    cr4 = from_raw(ControlRegister4, _read_cr4())
    # FSGSBASE stays off: the NMI entry relies on ring 3 not holding a kernel address in GS.
    _write_cr4(
        to_raw(
            replace(
                cr4,
                global_pages=True,
                fxsave=True,
                vector_exceptions=True,
                fsgsbase=False,
                xsave=FEATURES.xsave,
                smep=FEATURES.smep,
                smap=FEATURES.smap,
                umip=FEATURES.umip,
            )
        )
    )
