"""Blink: a program for the bare machine, in the kernel language. No kernel, no library.

    python -m codegen build examples/blink.py -o blink.elf
    qemu-system-x86_64 -M microvm -kernel blink.elf -display none -serial stdio \
        -device isa-debug-exit,iobase=0xf4
"""

from __future__ import annotations

from codegen.bare_metal import BareMetal
from codegen.lang import Slice, export, instruction, u8, u16

START = BareMetal("blink")
DATA: u16 = 0x3F8
STATUS: u16 = 0x3FD  # bit 5: room for a byte (PC16550D data sheet, section 8.4)
EXIT: u16 = 0xF4


@instruction("inb %dx, %al", "={ax},{dx}")
def read_port(port: u16) -> u8: ...


@instruction("outb %al, %dx", "{dx},{ax}")
def write_port(port: u16, value: u8) -> None: ...


def say(text: Slice[u8]) -> None:
    """Write to the first serial port."""
    for byte in text:
        while read_port(STATUS) & 0x20 == 0:
            pass
        write_port(DATA, byte)


@export
def blink() -> None:
    """Switch a light on and off, three times."""
    for light in range(6):
        say(b"on\n" if light % 2 == 0 else b"off\n")
    write_port(EXIT, 0)
