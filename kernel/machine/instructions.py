"""Single instructions that have no home of their own: interrupts, caches, translations, barriers."""

from __future__ import annotations

from codegen.lang import instruction, u64

INTERRUPT_FLAG: u64 = 1 << 9
"""RFLAGS.IF (SDM vol. 1, section 3.4.3)."""


@instruction("cli", "~{memory}")
def disable_interrupts() -> None:
    """CLI. Also a compiler barrier."""


@instruction("sti", "~{memory}")
def enable_interrupts() -> None:
    """STI. Also a compiler barrier."""


@instruction("pushfq\n\tpopq $0", "=r,~{memory}")
def read_flags() -> u64:
    """RFLAGS."""
    ...


def interrupts_enabled() -> bool:
    """Whether this processor takes interrupts."""
    return read_flags() & INTERRUPT_FLAG != 0


@instruction("movq %rsp, $0", "=r")
def stack_pointer() -> u64:
    """RSP."""
    ...


@instruction("hlt", "~{memory}")
def halt() -> None:
    """HLT: sleep until the next interrupt."""


@instruction("pause", "~{memory}")
def spin_hint() -> None:
    """PAUSE: a hint that this is a spin loop."""


@instruction("invlpg ($0)", "r,~{memory}")
def invalidate_page(address: u64) -> None:
    """INVLPG: forget the translation of the page of `address` on this processor."""


@instruction("mfence", "~{memory}")
def memory_barrier() -> None:
    """MFENCE: all earlier loads and stores are visible before all later ones."""


@instruction("", "~{memory}")
def compiler_barrier() -> None:
    """Keep the compiler from moving memory accesses across."""


@instruction("rdtsc\n\tshlq $$32, %rdx\n\torq %rdx, %rax", "={ax},~{dx},~{flags}")
def read_time_stamp() -> u64:
    """RDTSC: the time-stamp counter (SDM vol. 3B, section 17.17)."""
    ...


@instruction("movq %rbp, $0", "=r")
def frame_pointer() -> u64:
    """RBP: the frame of the function that calls this, where its caller's RBP and the return address lie."""
    ...
