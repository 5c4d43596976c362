"""The I/O address space (SDM vol. 1, chapter 19)."""

from __future__ import annotations

from codegen.lang import instruction, u8, u16, u32


@instruction("inb %dx, %al", "={ax},{dx},~{memory}")
def read_port(port: u16) -> u8:
    """IN: one byte."""
    ...


@instruction("outb %al, %dx", "{dx},{ax},~{memory}")
def write_port(port: u16, value: u8) -> None:
    """OUT: one byte."""


@instruction("inw %dx, %ax", "={ax},{dx},~{memory}")
def read_port_word(port: u16) -> u16:
    """IN: two bytes."""
    ...


@instruction("outw %ax, %dx", "{dx},{ax},~{memory}")
def write_port_word(port: u16, value: u16) -> None:
    """OUT: two bytes."""


@instruction("inl %dx, %eax", "={ax},{dx},~{memory}")
def read_port_double(port: u16) -> u32:
    """IN: four bytes."""
    ...


@instruction("outl %eax, %dx", "{dx},{ax},~{memory}")
def write_port_double(port: u16, value: u32) -> None:
    """OUT: four bytes."""
