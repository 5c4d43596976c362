"""The end of the machine."""

from __future__ import annotations

from typing import Never

from boot.layout import EXIT_PORT
from codegen.lang import u8
from kernel.machine.port import write_port
from kernel.machine.power import POWER
from kernel.machine.stubs import halt_forever
from kernel.machine.uart import COM1


def exit_machine(status: u8) -> Never:
    """End QEMU with exit status `2 * status + 1` (isa-debug-exit); elsewhere stop the processor."""
    COM1.drain()
    write_port(EXIT_PORT, status)
    while True:
        halt_forever()


def switch_off(status: u8) -> Never:
    """End QEMU as `exit_machine` does where it has that device; any other machine by its power switch."""
    COM1.drain()
    write_port(EXIT_PORT, status)
    POWER.switch_off()
    while True:
        halt_forever()
