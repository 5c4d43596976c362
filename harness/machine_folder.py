"""A folder for each running machine, where `pithos console` finds it.

In it: `machine.json` (process id, what was started), `monitor.sock` (QMP) and `memory` (the guest's memory).
It goes when the machine does; what a killed process left is swept up later.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.errors import HarnessError

SHARED_MEMORY = Path("/dev/shm")
SOCKET_PATH_MAX = 108
"""Bytes of the path of a socket, its NUL included (unix(7))."""


@dataclass(frozen=True)
class Record:
    """What machine.json says."""

    process: int
    kernel: str
    type: str
    memory: int


def base_folder() -> Path:
    """Where the folders of this user's machines are: private to the user."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        base = Path(runtime) / "pithos"
    else:
        base = Path("/tmp") / f"pithos-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    status = base.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise HarnessError(f"{base} belongs to someone else: remove it, or set XDG_RUNTIME_DIR")
    return base


def is_alive(process: int) -> bool:
    """Whether a process exists."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class MachineFolder:
    """The folder of one machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.monitor = path / "monitor.sock"
        self.record_path = path / "machine.json"
        self.log = path / "qemu.log"
        self.snapshots = path / "snapshots.qcow2"

    @property
    def memory(self) -> Path:
        """The file that is the guest's memory: not on a disk, where there is a choice."""
        if os.access(SHARED_MEMORY, os.W_OK):
            return SHARED_MEMORY / f"pithos-{os.getuid()}-{self.name}"
        return self.path / "memory"

    def write_record(self, record: Record) -> None:
        """Say what runs here."""
        self.record_path.write_text(json.dumps(asdict(record)))

    def read_record(self) -> Record | None:
        """What runs here; None when that is not known."""
        try:
            return Record(**json.loads(self.record_path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def is_owned_by(self, process: int) -> bool:
        """Whether the machine is a child of this process (/proc/PID/stat, proc(5))."""
        record = self.read_record()
        try:
            content = Path(f"/proc/{record.process}/stat").read_text() if record is not None else ""
        except OSError:
            return False
        return content.rpartition(")")[2].split()[1:2] == [str(process)]

    def remove(self) -> None:
        """Remove the folder and the memory."""
        self.memory.unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)


def create_folder(name: str) -> MachineFolder:
    """Make the folder of a new machine; a name is chosen when none is given."""
    sweep()
    chosen = name or f"machine-{secrets.token_hex(3)}"
    if "/" in chosen or chosen.startswith("."):
        raise HarnessError(f"{chosen!r} cannot be the name of a machine: it has a '/', or begins with '.'")
    path = base_folder() / chosen
    if len(os.fsencode(MachineFolder(path).monitor)) >= SOCKET_PATH_MAX:
        raise HarnessError(f"{chosen!r} is too long for the name of a machine: choose a shorter --name")
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        raise HarnessError(f"a machine named {chosen!r} is running: choose another --name") from None
    return MachineFolder(path)


def running_folders() -> list[MachineFolder]:
    """The machines of this user that are running."""
    found = []
    for path in sorted(base_folder().iterdir()):
        folder = MachineFolder(path)
        record = folder.read_record()
        if record is not None and is_alive(record.process):
            found.append(folder)
    return found


def sweep() -> None:
    """Remove what machines left that were killed."""
    for path in base_folder().iterdir():
        folder = MachineFolder(path)
        record = folder.read_record()
        if record is not None and not is_alive(record.process):
            folder.remove()
