"""QemuMachine: a machine in QEMU, driven over QMP, its memory shared with this process.

No QEMU is left behind: it dies with its parent (PR_SET_PDEATHSIG, prctl(2)), and `quit` kills its whole
process group.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from typing import Any

from qemu.qmp import ExecuteError, QMPClient, QMPError

from harness import qemu_command
from harness.channel import DOORBELL
from harness.errors import HarnessError
from harness.machine import Machine
from harness.machine_folder import MachineFolder, Record, create_folder
from harness.physical import MappedMemory, shared_memory
from harness.qcow2 import empty_image
from harness.qemu_command import Connections
from harness.running import Ended, RunningMachine

PR_SET_PDEATHSIG = 1
SNAPSHOT = "saved"
START_TIMEOUT = 20.0
RECEIVE_SIZE = 65536
ROOM_INTERVAL = 0.0002
"""Seconds between two looks whether the guest has made room in the channel: it does not ring for that."""

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """In the child, before exec: be killed when the parent ends, however that comes about."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class QemuMachine(RunningMachine):
    """A machine that QEMU runs."""

    def __init__(
        self,
        machine: Machine,
        process: asyncio.subprocess.Process,
        folder: MachineFolder,
        memory: MappedMemory,
        serial: tuple[socket.socket, socket.socket],
    ) -> None:
        super().__init__(machine, memory)
        self.folder = folder
        self.process = process
        self.monitor = QMPClient(folder.name)
        self._shared = memory
        self._console_socket, self._channel_socket = serial
        self._pump: asyncio.Task[None] | None = None
        self._output: asyncio.Queue[bytes] = asyncio.Queue()
        self._received = bytearray()

    async def connect(self, monitor: socket.socket) -> None:
        """Begin to talk to the monitor, and to listen to the console."""
        try:
            await asyncio.wait_for(self.monitor.connect(monitor), START_TIMEOUT)
        except (QMPError, TimeoutError, OSError, EOFError):
            raise HarnessError(await self._why_it_died("QEMU did not start")) from None
        self._pump = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        """Read the console as fast as it comes, lest the guest has to wait."""
        loop = asyncio.get_running_loop()
        try:
            while content := await loop.sock_recv(self._console_socket, RECEIVE_SIZE):
                self.console.feed(content)
        except OSError:
            pass
        finally:
            self.console.close()

    async def execute(self, command: str, arguments: Mapping[str, object] | None = None) -> Any:
        """One QMP command. Raises HarnessError with QEMU's reason when it is refused."""
        try:
            return await self.monitor.execute(command, dict(arguments or {}))
        except ExecuteError as error:
            raise HarnessError(f"QEMU refuses {command}: {error}") from None
        except (QMPError, EOFError, OSError):
            raise self.died(await self._why_it_died(f"QEMU ended during {command}")) from None

    async def human(self, command: str) -> str:
        """A command of the human monitor, and what it printed."""
        return str(await self.execute("human-monitor-command", {"command-line": command}))

    async def send(self, content: bytes) -> None:
        if self.channel is None:
            return await self._write_channel(content)
        while content:
            done = self.channel.to_guest.put(content)
            content = content[done:]
            await self._write_channel(DOORBELL if done else b"")
            if content:
                await asyncio.sleep(ROOM_INTERVAL)

    async def _write_channel(self, content: bytes) -> None:
        try:
            await asyncio.get_running_loop().sock_sendall(self._channel_socket, content)
        except OSError:
            raise self.died(await self._why_it_died("the machine ended")) from None

    async def receive(self, length: int) -> bytes:
        loop = asyncio.get_running_loop()
        while len(self._received) < length:
            try:
                rung = await loop.sock_recv(self._channel_socket, RECEIVE_SIZE)
            except OSError:
                rung = b""
            if not rung:
                await asyncio.sleep(0.05)  # let the console's last words arrive
                raise self.died(await self._why_it_died("the machine ended"))
            self._received += rung if self.channel is None else self.channel.to_host.take()
        taken = bytes(self._received[:length])
        del self._received[:length]
        return taken

    async def type_text(self, content: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._console_socket, content)

    async def registers(self) -> Mapping[str, int]:
        found = {}
        for name, value in re.findall(
            r"\b([A-Z][A-Z0-9]{1,3})\s*=([0-9a-f]{8,16})\b", await self.human("info registers")
        ):
            found[{"RFL": "rflags"}.get(name, name.lower())] = int(value, 16)
        return found

    async def pause(self) -> None:
        await self.execute("stop")

    async def resume(self) -> None:
        await self.execute("cont")

    async def save(self) -> None:
        await self._snapshot("savevm")

    async def rewind(self) -> None:
        await self._snapshot("loadvm")
        self._received.clear()
        self._drain(self._channel_socket)
        self.guest.forget()

    async def _snapshot(self, command: str) -> None:
        if not self.machine.snapshots:
            raise HarnessError("the machine was started without snapshots: Machine(snapshots=True)")
        complaint = await self.human(f"{command} {SNAPSHOT}")
        if complaint:
            raise HarnessError(f"QEMU: {command}: {complaint.strip()}")

    @staticmethod
    def _drain(connection: socket.socket) -> None:
        """Throw away what was received before the rewind."""
        try:
            while connection.recv(RECEIVE_SIZE):
                pass
        except BlockingIOError:
            pass

    async def wait_end(self) -> Ended:
        status = await self.process.wait()
        if status > 0 and status & 1:  # isa-debug-exit: 2 * value + 1
            return Ended(status >> 1, "the guest ended the machine")
        return Ended(None, f"QEMU ended with status {status}")

    async def quit(self) -> None:
        if self.process.returncode is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            await self.process.wait()
        try:
            await asyncio.wait_for(self.monitor.disconnect(), 1)
        except (QMPError, EOFError, OSError, TimeoutError):
            pass
        if self._pump is not None:
            self._pump.cancel()
        for connection in (self._console_socket, self._channel_socket):
            connection.close()
        self._shared.close()
        self.folder.remove()

    async def _why_it_died(self, what: str) -> str:
        """A line on how QEMU ended, from what it printed itself."""
        try:
            status = await asyncio.wait_for(self.process.wait(), 2)
        except TimeoutError:
            return f"{what} (it still runs, but does not answer)"
        log = self.folder.log.read_text(errors="replace").strip().splitlines() if self.folder.log.exists() else []
        if said := [line for line in log if ": warning: " not in line]:
            return f"{what}: {said[-1]}"
        if status < 0:
            return f"{what}: QEMU was killed by {signal.Signals(-status).name}"
        return f"{what}: QEMU ended with status {status}"


def find_qemu() -> str:
    """The QEMU program. Raises HarnessError."""
    found = shutil.which(qemu_command.PROGRAM)
    if found is None:
        raise HarnessError(
            f"{qemu_command.PROGRAM} is not installed: apt-get install qemu-system-x86, or use --backend emulator"
        )
    return found


async def start_qemu(machine: Machine) -> QemuMachine:
    """Start QEMU and connect to it. Raises HarnessError."""
    find_qemu()
    machine.check_files()
    folder = create_folder(machine.name)
    ours, theirs = [], []
    for _ in range(3):
        one, other = socket.socketpair()
        one.setblocking(False)
        ours.append(one)
        theirs.append(other)
    try:
        if machine.snapshots:
            folder.snapshots.write_bytes(empty_image())
        running = await _launch(machine, folder, theirs, (ours[1], ours[2]))
    except BaseException:
        for connection in ours:
            connection.close()
        folder.remove()
        raise
    finally:
        for connection in theirs:
            connection.close()
    try:
        await running.connect(ours[0])
    except BaseException:
        await running.quit()
        raise
    return running


async def _launch(
    machine: Machine,
    folder: MachineFolder,
    theirs: list[socket.socket],
    serial: tuple[socket.socket, socket.socket],
) -> QemuMachine:
    _reserve_memory(folder, machine.memory)
    monitor, console, channel = (connection.fileno() for connection in theirs)
    connections = Connections(
        monitor=monitor,
        console=console,
        channel=channel,
        monitor_path=folder.monitor,
        memory_path=folder.memory,
        snapshot_path=folder.snapshots if machine.snapshots else None,
        log_path=machine.event_log or folder.path / "events.log",
    )
    with folder.log.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *qemu_command.command(machine, connections),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(monitor, console, channel),
            process_group=0,
            preexec_fn=die_with_parent,
        )
    kernel = machine.kernel.resolve()
    folder.write_record(Record(process.pid, str(kernel), machine.type.value, machine.memory))
    return QemuMachine(machine, process, folder, shared_memory(folder.memory), serial)


def _reserve_memory(folder: MachineFolder, size: int) -> None:
    """Make the file that is the guest's memory; pages of it are taken as the guest touches them."""
    descriptor = os.open(folder.memory, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.ftruncate(descriptor, size)
    except OSError as error:
        raise HarnessError(f"no room for the guest's memory in {folder.memory.parent}: {error.strerror}") from None
    finally:
        os.close(descriptor)
