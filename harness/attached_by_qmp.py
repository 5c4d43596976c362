"""The console of a machine that somebody else started, with `-qmp unix:SOCKET,server=on,wait=off`.

Its memory is not ours to map: QEMU writes what a command looks at to a file (pmemsave), piece by piece. A command that
meets a piece which is not there yet is begun anew when that has come; the machine is paused meanwhile, so that all
pieces are of one moment. The kernel is known by its build id, which is in memory too.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import NoteSegment
from qemu.qmp import ExecuteError, QMPClient, QMPError

from codegen.root import BUILD_FOLDER
from harness.console import Attached, use
from harness.errors import HarnessError
from harness.inspect import Kernel
from harness.interface import INTERFACE, interface
from harness.machine_folder import running_folders
from harness.messages import say
from harness.physical import kernel_physical

PIECE = 1 << 20
BELOW_HOLE = 2816 << 20
HOLE = 1536 << 20
"""With more memory than BELOW_HOLE, some of it lies above the devices below 4 GiB (QEMU, hw/i386/pc.c)."""
PATIENCE = 10
NOTE_HEADER = 12
BUILD_ID, BUILD_ID_NAME = "NT_GNU_BUILD_ID", 4


class Missing(Exception):
    """A piece of memory that is not here yet."""

    def __init__(self, piece: int) -> None:
        super().__init__(f"piece {piece}")
        self.piece = piece


class FetchedMemory:
    """The pieces that were fetched; reading any other raises Missing."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.pieces: dict[int, bytes] = {}

    def read(self, address: int, length: int) -> bytes:
        """The bytes from `address`. Raises IndexError beyond the end of memory, Missing."""
        if address < 0 or address + length > self.size:
            raise IndexError(f"physical address {address:#x} + {length:#x} is beyond memory")
        content = b""
        while length:
            number, offset = divmod(address, PIECE)
            if number not in self.pieces:
                raise Missing(number)
            part = self.pieces[number][offset : offset + length]
            if not part:
                raise IndexError(f"physical address {address:#x} is beyond memory")
            content += part
            address, length = address + len(part), length - len(part)
        return content

    def write(self, address: int, content: bytes) -> None:
        """The machine is somebody else's."""
        raise TypeError("this memory can only be read")


def build_id(elf: bytes) -> tuple[int, bytes] | None:
    """The physical address of a kernel's build id, and the id; None for what is no such kernel."""
    try:
        for segment in ELFFile(io.BytesIO(elf)).iter_segments("PT_NOTE"):
            for note in segment.iter_notes() if isinstance(segment, NoteSegment) else ():
                if note["n_type"] == BUILD_ID:
                    place = segment["p_vaddr"] + note["n_offset"] - segment["p_offset"] + NOTE_HEADER + BUILD_ID_NAME
                    physical = kernel_physical(place)
                    return None if physical is None else (physical, bytes.fromhex(note["n_desc"]))
    except (ELFError, ValueError):
        pass
    return None


def known_kernels() -> Iterator[Path]:
    """Where a kernel may be whose machine was started by hand: what was built here, elsewhere, and what runs."""
    yield BUILD_FOLDER / "pithos.elf"
    yield Path("build/pithos.elf")
    yield Path("pithos.elf")
    yield from sorted(BUILD_FOLDER.parent.glob("*/pithos.elf"))
    for folder in running_folders():
        record = folder.read_record()
        if record is not None:
            yield Path(record.kernel)


class AttachedByQmp(Attached):
    """A console attached to the machine behind a QMP socket."""

    def __init__(self, socket: Path, kernel: Path | None) -> None:
        self.name = socket.name
        self.monitor = QMPClient("pithos")
        self.commands = []
        self._socket = socket
        self._wanted = kernel
        self._memory = FetchedMemory(0)

    async def connect(self) -> None:
        """Connect to the monitor, and find the kernel. Raises HarnessError."""
        try:
            await asyncio.wait_for(self.monitor.connect(str(self._socket)), PATIENCE)
            self.commands = [entry["name"] for entry in await self._execute("query-commands", {})]
            summary = await self._execute("query-memory-size-summary", {})
        except TimeoutError:
            raise HarnessError(f"{self._socket} does not answer: is something else attached to it?") from None
        except (QMPError, OSError, EOFError) as error:
            raise HarnessError(f"{self._socket} is not the QMP socket of a running QEMU: {error}") from None
        memory = int(summary["base-memory"])
        self._memory = FetchedMemory(memory if memory <= BELOW_HOLE else memory + HOLE)
        self.kernel = Kernel(self._memory, await self._find_kernel())

    async def _find_kernel(self) -> bytes:
        """The kernel that runs, by its build id. Raises HarnessError."""
        tried = [self._wanted] if self._wanted is not None else list(dict.fromkeys(known_kernels()))
        for path in tried:
            try:
                content = path.read_bytes()
            except OSError as error:
                if self._wanted is not None:
                    raise HarnessError(f"{path}: {error.strerror}") from None
                continue
            found = build_id(content)
            if found is None:
                if self._wanted is not None:
                    raise HarnessError(f"{path} is no kernel of Pithos")
                continue
            if await self._read(found[0], len(found[1])) == found[1]:
                warn_of_other_sources(path, content)
                return content
            if self._wanted is not None:
                raise HarnessError(f"the machine does not run {path}: its build id, {found[1].hex()}, is not in memory")
        raise HarnessError("the machine runs no kernel that is known here: give its ELF file by --kernel")

    async def perform(self, line: str) -> str:
        """Do one command; what is to be printed."""
        self._memory.pieces.clear()
        was_running = False
        try:
            while True:
                try:
                    return await super().perform(line)
                except Missing as missing:
                    if not self._memory.pieces and (await self._execute("query-status", {}))["running"]:
                        was_running = True
                        await self._execute("stop", {})
                    await self._fetch(missing.piece)
        finally:
            if was_running:
                await self._execute("cont", {})

    async def _read(self, address: int, length: int) -> bytes:
        """Memory as it is now; nothing where there is none."""
        self._memory.pieces.clear()
        while True:
            try:
                return self._memory.read(address, length)
            except Missing as missing:
                await self._fetch(missing.piece)
            except IndexError:
                return b""

    async def _fetch(self, piece: int) -> None:
        """Let QEMU write a piece of memory to a file, and take it from there. Raises HarnessError."""
        start = piece * PIECE
        with tempfile.TemporaryDirectory(prefix="pithos-") as folder:
            path = Path(folder) / "memory"
            arguments = {"val": start, "size": min(PIECE, self._memory.size - start), "filename": str(path)}
            try:
                await self._execute("pmemsave", arguments)
                self._memory.pieces[piece] = path.read_bytes()
            except (ExecuteError, OSError) as error:
                raise HarnessError(f"QEMU cannot write memory to {folder}: {error}; set TMPDIR") from None
            except (QMPError, EOFError):
                raise HarnessError(f"the machine behind {self._socket} has ended") from None


def warn_of_other_sources(path: Path, content: bytes) -> None:
    """Say when a kernel is not the one that was built of these sources: its structs may differ from ours."""
    if not INTERFACE.exists() or interface()["kernel"] != hashlib.sha256(content).hexdigest():
        say(f"{path} was not built of these sources: what is shown may be wrong")


async def attach_by_qmp(socket: Path, kernel: Path | None, commands: list[str]) -> int:
    """Attach to the machine behind `socket`, and do as `harness.console.attach`."""
    return await use(AttachedByQmp(socket, kernel), commands)
