"""RunningMachine: what QemuMachine and EmulatedMachine have in common.

Memory can be read at any time; registers are those of CPU 0 and make sense while the machine is paused.
"""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from harness import physical
from harness.channel import Channel, find_channel
from harness.errors import GuestPanic, MachineDied
from harness.guest import Guest
from harness.physical import PhysicalMemory

if TYPE_CHECKING:
    from harness.inspect import Kernel
    from harness.machine import Machine


PANIC = re.compile(r"^panic(?: on cpu \d+)?: (.*)$", re.MULTILINE)
PLACE = re.compile(r'^  File "(.*)", line (\d+), in ', re.MULTILINE)


class Console:
    """What the guest wrote to COM1."""

    def __init__(self) -> None:
        self.content = bytearray()
        self._changed = asyncio.Event()
        self._is_closed = False
        self._listener: Callable[[bytes], None] | None = None

    def feed(self, content: bytes) -> None:
        """Take bytes from the serial port."""
        self.content += content
        self._changed.set()
        if self._listener is not None:
            self._listener(content)

    def listen(self, listener: Callable[[bytes], None]) -> None:
        """Pass everything on to `listener`, what has come already too."""
        listener(bytes(self.content))
        self._listener = listener

    def close(self) -> None:
        """No more will come."""
        self._is_closed = True
        self._changed.set()

    @property
    def text(self) -> str:
        """Everything so far."""
        return self.content.decode("utf-8", "replace").replace("\r\n", "\n")

    def tail(self, lines: int = 15) -> str:
        """The last lines, for messages."""
        return "\n".join(self.text.rstrip().splitlines()[-lines:])

    async def changed(self) -> bool:
        """Wait until there is more; False once the console is closed."""
        await self._changed.wait()
        self._changed.clear()
        return not self._is_closed


@dataclass(frozen=True)
class Ended:
    """How a machine ended: the status it gave isa-debug-exit, or None, and what is known of why."""

    status: int | None
    reason: str


class RunningMachine(ABC):
    """A machine that is switched on."""

    def __init__(self, machine: Machine, memory: PhysicalMemory) -> None:
        self.machine = machine
        self.memory = memory
        self.console = Console()
        self.guest = Guest(self)

    @abstractmethod
    async def send(self, content: bytes) -> None:
        """Write to the agent's channel."""

    @abstractmethod
    async def receive(self, length: int) -> bytes:
        """Read exactly `length` bytes from the agent's channel. Raises MachineDied when it ends before."""

    @abstractmethod
    async def type_text(self, content: bytes) -> None:
        """Write to the console's input (COM1)."""

    @abstractmethod
    async def registers(self) -> Mapping[str, int]:
        """The registers of CPU 0 by their names in the manual, in lower case."""

    @abstractmethod
    async def pause(self) -> None:
        """Stop the CPU between two instructions."""

    @abstractmethod
    async def resume(self) -> None:
        """Go on after `pause`."""

    @abstractmethod
    async def save(self) -> None:
        """Note the whole state of the machine, for `rewind`."""

    @abstractmethod
    async def rewind(self) -> None:
        """Go back to what `save` noted."""

    @abstractmethod
    async def quit(self) -> None:
        """Switch the machine off; more than once does no harm."""

    @abstractmethod
    async def wait_end(self) -> Ended:
        """Wait until the guest switches the machine off, or it dies."""

    async def read_physical(self, address: int, length: int) -> bytes:
        """Guest memory by physical address."""
        return self.memory.read(address, length)

    async def write_physical(self, address: int, content: bytes) -> None:
        """Change guest memory."""
        self.memory.write(address, content)

    async def read_virtual(self, address: int, length: int) -> bytes:
        """Guest memory as CPU 0 sees it now."""
        root = None
        if physical.kernel_physical(address) is None:
            root = (await self.registers())["cr3"]
        return physical.read_virtual(self.memory, root, address, length)

    @cached_property
    def channel(self) -> Channel | None:
        """The queues between the agent and us; None when COM2 itself is the channel."""
        return find_channel(self.memory, self.machine.kernel)

    @cached_property
    def kernel(self) -> Kernel:
        """The inspector: the kernel's statics by module and name."""
        from harness.inspect import Kernel

        return Kernel(self.memory, self.machine.kernel.read_bytes())

    def died(self, what: str) -> MachineDied:
        """The error to raise when the machine ended too early: that of a panic, or with the console's last words."""
        panic = panic_in(self.console.text)
        if panic is not None:
            return GuestPanic(panic)
        tail = self.console.tail(1)
        return MachineDied(f"{what}; the kernel's last words: {tail}" if tail else f"{what}, silently")


def panic_in(text: str) -> str | None:
    """What the console says of a panic, in one line: why and where (kernel/base/panic.py)."""
    found = PANIC.search(text)
    if found is None:
        return None
    places = [place for place in PLACE.findall(text[: found.start()]) if place[1] != "0"]  # stubs have no lines
    where = f", {places[-1][0]}:{places[-1][1]}" if places else ""
    return f"the kernel panicked: {found[1].strip()}{where} (--log shows the calls that led there)"
