"""Machine: an immutable description of a virtual computer, started on either backend.

machine = Machine(kernel=Path("build/pithos.elf"), archive=Path("build/archives/0.archive"))
running = await machine.start()
try:
    await running.guest.sys.getpid()
finally:
    await running.quit()
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from boot.layout import LONGEST_COMMAND_LINE, MAXIMUM_CPUS
from harness.errors import HarnessError
from harness.machine_kinds import MEBIBYTE, Backend, MachineType
from harness.running import RunningMachine

__all__ = ["MEBIBYTE", "Backend", "Machine", "MachineType"]

SMALLEST_MEMORY = 32 * MEBIBYTE
ROOM_TO_START = 4 * MEBIBYTE
"""What lies below the kernel, and the least that it can begin with."""
LARGEST_MEMORY = 2816 * MEBIBYTE
"""Up to here all machine types have their memory in one piece from address 0 (QEMU, hw/i386/pc_q35.c)."""


@dataclass(frozen=True)
class Machine:
    """A virtual computer before it is switched on."""

    kernel: Path
    archive: Path | None = None
    command_line: str = ""
    type: MachineType = MachineType.MICROVM
    backend: Backend = Backend.QEMU
    memory: int = 256 * MEBIBYTE
    cpus: int = 1
    disk: Path | None = None
    """A raw disk image to start from, instead of `kernel` and `archive`; not with microvm."""
    snapshots: bool = False
    """Whether `save` and `rewind` shall work on QEMU (they always do in the emulator)."""
    instruction_shift: int | None = None
    """QEMU's -icount: one instruction takes 2**shift ns of virtual time, and a run is repeatable."""
    debugger: Path | None = None
    """A socket on which QEMU listens for gdb; the machine then waits before its first instruction."""
    name: str = ""
    """What `pithos console NAME` attaches to; chosen at start when empty."""
    log_events: frozenset[str] = field(default_factory=frozenset)
    """Items of QEMU's -d, such as "int", written to the machine's folder, or to `event_log`."""
    event_log: Path | None = None

    def __post_init__(self) -> None:
        if not SMALLEST_MEMORY <= self.memory <= LARGEST_MEMORY:
            low, high = SMALLEST_MEMORY // MEBIBYTE, LARGEST_MEMORY // MEBIBYTE
            raise HarnessError(f"a machine has {low} to {high} MiB of memory, not {self.memory / MEBIBYTE:g}")
        if self.memory % MEBIBYTE:
            raise HarnessError("the memory of a machine is a whole number of MiB")
        if len(os.fsencode(self.command_line)) >= LONGEST_COMMAND_LINE:
            raise HarnessError(f"the kernel's command line takes {LONGEST_COMMAND_LINE - 1} bytes; shorten --append")
        if self.disk is not None and self.type is MachineType.MICROVM:
            raise HarnessError("microvm has no BIOS disk: start from an image with --machine pc or q35")
        if self.debugger is not None and self.backend is Backend.EMULATOR:
            raise HarnessError("the emulator has no gdb server: use --backend qemu")
        if not 1 <= self.cpus <= MAXIMUM_CPUS:
            raise HarnessError(f"a machine has 1 to {MAXIMUM_CPUS} CPUs, not {self.cpus}")
        if self.cpus != 1 and self.backend is Backend.EMULATOR:
            raise HarnessError("the emulator has one CPU: leave out --smp, or use --backend qemu")

    def check_files(self) -> None:
        """Raise HarnessError if what it starts from is missing, or if kernel and archive have no room in memory."""
        files = [path for path in (self.kernel, self.archive) if path is not None] if self.disk is None else [self.disk]
        for path in files:
            if not path.is_file():
                raise HarnessError(f"{path} is missing: run `pithos build`")
        if sum(path.stat().st_size for path in files) + ROOM_TO_START > self.memory:
            raise HarnessError("the kernel and the archive do not fit in memory: give the machine more with --ram")

    async def start(self) -> RunningMachine:
        """Switch the machine on. The guest's agent is ready after `running.guest.wait_ready()`."""
        if self.backend is Backend.QEMU:
            from harness.qemu import start_qemu

            return await start_qemu(self)
        from harness.emulator import start_emulator

        return await start_emulator(self)
