"""The assembly stubs of boot/stubs that compiled code calls (docs/internals.md, "Stubs")."""

from __future__ import annotations

from codegen.lang import external, i64, u32, u64

STRING_FAULT: i64 = -1
STRING_TOO_LONG: i64 = -2
WORD_FAULT: i64 = -1


@external
def switch_context(save: u64, load: u64) -> None:
    """Keep this stack's registers and its pointer at address `save`; go on with the stack at `load`.

    Interrupts are off. Comes back when someone switches to the pointer that was saved.
    """
    ...


@external
def interrupt_window() -> None:
    """STI, HLT, CLI: sleep until an interrupt was handled; none is lost before the sleep."""
    ...


@external
def halt_forever() -> None:
    """Stop this processor: CLI, HLT, again and again."""
    ...


@external
def copy_user(destination: u64, source: u64, length: u64) -> u64:
    """Copy bytes between the kernel and checked user addresses; how many were not copied, due to a fault."""
    ...


@external
def copy_user_now(destination: u64, source: u64, length: u64) -> u64:
    """`copy_user` that ends at the first page that is not there as needed, rather than have it filled in."""
    ...


@external
def clear_user(destination: u64, length: u64) -> u64:
    """Zero bytes at a checked user address; how many were not, due to a fault."""
    ...


@external
def clear_page(destination: u64) -> None:
    """Zero the page at an address of the kernel."""
    ...


@external
def copy_page(destination: u64, source: u64) -> None:
    """Copy the page at an address of the kernel to another one."""
    ...


@external
def chacha_blocks(state: u64, destination: u64, count: u64) -> None:
    """Write `count` blocks of ChaCha20 from the state at an address, 16 words, and count them in it; at least one."""
    ...


@external
def copy_user_string(destination: u64, source: u64, maximum: u64) -> i64:
    """Copy a string with its NUL; its length, STRING_FAULT, or STRING_TOO_LONG without a NUL in `maximum`."""
    ...


@external
def compare_exchange_user(address: u64, expected: u32, new: u32) -> i64:
    """Write `new` to the word at a checked user address if it is `expected`, atomically; what it was, or WORD_FAULT."""
    ...
