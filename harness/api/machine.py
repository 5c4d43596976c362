"""A machine that is switched on for a block of Python."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from harness.build import IMAGE_ROOT, ensure_kernel, write_archive
from harness.containers import Limits
from harness.errors import HarnessError
from harness.guest import Guest
from harness.machine import MEBIBYTE, Backend, MachineType
from harness.machine import Machine as Description
from harness.messages import say
from harness.running import RunningMachine

if TYPE_CHECKING:
    from harness.api.container import Container
    from harness.inspect import Kernel

PAGE = 4096
NAME = "root"


class Machine:
    """A machine with one root file system, for any number of containers.

    `rootfs` is a directory or a tar file, `ram` in bytes (a multiple of 1 MiB), `smp` its processors, `backend` QEMU if
    it is installed, else the emulator; `name` is what `pithos console` attaches to. It is on in its `async with` block.
    """

    def __init__(
        self,
        rootfs: str | PathLike[str],
        *,
        ram: int = 256 * MEBIBYTE,
        smp: int = 1,
        backend: Backend | str | None = None,
        type: MachineType | str = MachineType.MICROVM,
        name: str = "",
    ) -> None:
        self._rootfs = Path(rootfs)
        self._ram, self._smp, self._name = ram, smp, name
        self._backend = backend_of(backend)
        self._type = MachineType(type)
        self._running: RunningMachine | None = None

    async def __aenter__(self) -> Machine:
        """Build what is not current, and boot. Raises HarnessError."""
        kernel = ensure_kernel()
        description = Description(
            kernel=kernel,
            archive=write_archive({NAME: self._rootfs}, say, memory=self._ram),
            type=self._type,
            backend=self._backend,
            memory=self._ram,
            cpus=self._smp,
            name=self._name,
        )
        running = await description.start()
        try:
            await running.guest.wait_ready()
        except BaseException:
            await running.quit()
            raise
        self._running = running
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running, self._running = self._running, None
        if running is not None:
            await running.quit()

    @property
    def running(self) -> RunningMachine:
        """The machine beneath: its memory, registers and console. Raises HarnessError outside of the block."""
        if self._running is None:
            raise HarnessError("the machine is off: use `async with pithos.Machine(...) as machine`")
        return self._running

    @property
    def guest(self) -> Guest:
        """System calls of the first process: `await machine.guest.sys.getpid()`; OSError has the guest's errno."""
        return self.running.guest

    @property
    def kernel(self) -> Kernel:
        """The inspector: the kernel's own objects, read from the machine's memory."""
        return self.running.kernel

    @property
    def log(self) -> str:
        """What the kernel has written to its console."""
        return self.running.console.text

    @property
    def root(self) -> str:
        """Where the first process sees the root file system."""
        return f"/{IMAGE_ROOT}/{NAME}"

    def container(
        self,
        *,
        name: str = "",
        hostname: str = "",
        memory: int = 0,
        pids: int = 0,
        cpus: float = 0,
        cpu_shares: int = 0,
    ) -> Container:
        """A new container of the root file system, for `async with`; `memory` in bytes, and 0 is no limit."""
        from harness.api.container import Container

        limits = Limits(-(-memory // PAGE), pids, cpu_shares, round(cpus * 1000))
        return Container(self, limits, name, hostname)


def backend_of(wanted: Backend | str | None) -> Backend:
    """The backend that was asked for, or QEMU where it is installed."""
    import shutil

    from harness.qemu_command import PROGRAM

    if wanted is not None:
        return Backend(wanted)
    return Backend.QEMU if shutil.which(PROGRAM) else Backend.EMULATOR
