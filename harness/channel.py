"""The host's end of the channel: the queues of kernel/devices/channel.py, laid over guest memory.

The queues are found by the symbol of `CHANNEL`. Who has put bytes into one rings by a byte over COM2. A bare program
without the symbol, as the tests of the machines use, has COM2 itself for its channel.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from harness import physical
from harness.interface import KERNEL, interface, layout
from harness.physical import PhysicalMemory

if TYPE_CHECKING:
    from pathlib import Path

SYMBOL = "kernel.devices.channel.CHANNEL"
DOORBELL = b"\n"
WORD = 8


class Queue:
    """One ByteQueue in guest memory."""

    def __init__(self, memory: PhysicalMemory, address: int) -> None:
        fields = layout("ByteQueue").fields
        self._memory = memory
        self._capacity = fields["content"].size
        self._produced = address + fields["produced"].offset
        self._consumed = address + fields["consumed"].offset
        self._content = address + fields["content"].offset

    def _word(self, address: int) -> int:
        return int.from_bytes(self._memory.read(address, WORD), "little")

    def _set_word(self, address: int, value: int) -> None:
        self._memory.write(address, value.to_bytes(WORD, "little"))

    def put(self, content: bytes) -> int:
        """Add what fits; returns how much that was."""
        produced = self._word(self._produced)
        total = min(len(content), self._capacity - (produced - self._word(self._consumed)))
        start = produced % self._capacity
        first = min(total, self._capacity - start)
        self._memory.write(self._content + start, content[:first])
        self._memory.write(self._content, content[first:total])
        self._set_word(self._produced, produced + total)
        return total

    def take(self) -> bytes:
        """Remove everything that is there."""
        consumed = self._word(self._consumed)
        total = self._word(self._produced) - consumed
        start = consumed % self._capacity
        first = min(total, self._capacity - start)
        content = self._memory.read(self._content + start, first) + self._memory.read(self._content, total - first)
        self._set_word(self._consumed, consumed + total)
        return content


@dataclass(frozen=True)
class Channel:
    """Both queues."""

    to_guest: Queue
    to_host: Queue


def find_channel(memory: PhysicalMemory, kernel: Path) -> Channel | None:
    """The channel of a machine that runs the kernel in an ELF file; None for a program that has only COM2."""
    address = _channel_address(kernel, kernel.stat().st_mtime_ns)
    if address is None:
        return None
    fields = layout("Channel").fields
    return Channel(
        Queue(memory, address + fields["to_guest"].offset),
        Queue(memory, address + fields["to_host"].offset),
    )


@cache
def _channel_address(kernel: Path, _modified: int) -> int | None:
    """The physical address of CHANNEL; None if the program has none."""
    content = kernel.read_bytes()
    if kernel == KERNEL and hashlib.sha256(content).hexdigest() == interface()["kernel"]:
        virtual: int | None = interface()["channel"]
    else:
        from codegen.program_file import ProgramFile

        virtual = ProgramFile(content).symbols.get(SYMBOL)
    return None if virtual is None else physical.kernel_physical(virtual)
