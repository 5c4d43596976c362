"""The serial ports: 16550-compatible UARTs with FIFOs (PC16550D data sheet, section 8)."""

from __future__ import annotations

from codegen.lang import Slice, bit, bits, from_raw, struct, u8, u16, u64
from kernel.machine.clock import CLOCK
from kernel.machine.instructions import read_time_stamp
from kernel.machine.port import read_port, write_port

DATA: u16 = 0
INTERRUPT_ENABLE: u16 = 1
FIFO_CONTROL: u16 = 2
LINE_CONTROL: u16 = 3
MODEM_CONTROL: u16 = 4
LINE_STATUS: u16 = 5
SCRATCH: u16 = 7
"""Register offsets (data sheet, table II)."""

FIFO_SIZE: u64 = 16

EIGHT_BITS: u8 = 0x03
DIVISOR_ACCESS: u8 = 0x83
FIFOS_CLEARED: u8 = 0x07
READY_WITH_INTERRUPTS: u8 = 0x0B
RECEIVE_INTERRUPT: u8 = 0x01
DIVISOR_115200: u8 = 1

TRANSMIT_SECONDS: u64 = 10
"""How long to look for room before bytes are given up, as whoever reads the other end of a virtual line may have to
wait for its turn. Not again before there was room: a stuck device must not stop the kernel."""


@bits(u8)
class LineStatus:
    """The line status register (data sheet, section 8.6.2)."""

    data_ready: bool = bit(0)
    overrun: bool = bit(1)
    transmitter_empty: bool = bit(5)
    transmitter_idle: bool = bit(6)


@struct
class Uart:
    """One serial port."""

    port: u16 = 0
    present: bool = False
    stuck: bool = False
    """Whether the last wait for room was in vain."""

    def __init__(self, port: u16) -> None:
        self.port = port

    def initialise(self) -> None:
        """Set 115200 8N1 with empty FIFOs, interrupts off; finds out whether the device is there."""
        write_port(self.port + SCRATCH, 0x5A)
        self.present = read_port(self.port + SCRATCH) == 0x5A
        if not self.present:
            return
        write_port(self.port + INTERRUPT_ENABLE, 0)
        write_port(self.port + LINE_CONTROL, DIVISOR_ACCESS)
        write_port(self.port + DATA, DIVISOR_115200)
        write_port(self.port + INTERRUPT_ENABLE, 0)
        write_port(self.port + LINE_CONTROL, EIGHT_BITS)
        write_port(self.port + FIFO_CONTROL, FIFOS_CLEARED)
        write_port(self.port + MODEM_CONTROL, READY_WITH_INTERRUPTS)

    def enable_receive_interrupt(self) -> None:
        """Interrupt when bytes have come."""
        write_port(self.port + INTERRUPT_ENABLE, RECEIVE_INTERRUPT)

    def disable_receive_interrupt(self) -> None:
        """No more interrupts: bytes that come wait in the FIFO."""
        write_port(self.port + INTERRUPT_ENABLE, 0)

    def _status(self) -> LineStatus:
        return from_raw(LineStatus, read_port(self.port + LINE_STATUS))

    def has_input(self) -> bool:
        """Whether a received byte waits."""
        return self.present and self._status().data_ready

    def take(self) -> u8:
        """The next received byte; `has_input` was true."""
        return read_port(self.port + DATA)

    def has_room(self) -> bool:
        """Whether the transmit FIFO is empty, so that `FIFO_SIZE` bytes fit."""
        return self._status().transmitter_empty

    def write(self, text: Slice[u8]) -> None:
        """Send `text`, waiting for room a bounded time; a device that takes nothing loses it."""
        if not self.present:
            return
        sent: u64 = 0
        while sent < len(text):
            if not self._wait_for_room():
                return
            burst = min(FIFO_SIZE, len(text) - sent)
            for offset in range(burst):
                write_port(self.port + DATA, text[sent + offset])
            sent += burst

    def _wait_for_room(self) -> bool:
        start = read_time_stamp()
        while not self.has_room():
            if self.stuck or read_time_stamp() - start > TRANSMIT_SECONDS * CLOCK.tsc_hertz:
                self.stuck = True
                return False
        self.stuck = False
        return True

    def drain(self) -> None:
        """Wait until all has left the device: at the end of the machine, what is in its FIFO would be lost."""
        if self.present and self._wait_for_room():
            start = read_time_stamp()
            while not self._status().transmitter_idle:
                if read_time_stamp() - start > TRANSMIT_SECONDS * CLOCK.tsc_hertz:
                    return


COM1 = Uart(0x3F8)
COM2 = Uart(0x2F8)
