"""The oracle: what Linux does with a program, to compare with what the kernel does.

`LinuxOracle.run` runs a program in a root file system on this machine, in namespaces of its own
(unshare(1), so it takes root).
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WORK = "work"
"""The directory, in the root, that programs begin in; what they leave there is part of the outcome."""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/root", "LC_ALL": "C"}
PATIENCE = 60
ARCHIVE = ("/bin/busybox", "tar", "-c", "-f", "-", "-C", f"/{WORK}", ".")
"""The program that tells which files there are."""


@dataclass(frozen=True)
class FileState:
    """What counts of one file."""

    name: str
    kind: bytes
    mode: int
    target: str
    content: bytes


@dataclass(frozen=True)
class Outcome:
    """How a program ended, what it printed, and the files that it left."""

    status: int
    output: bytes
    errors: bytes
    files: tuple[FileState, ...]


class NoOracle(Exception):
    """This machine does not let us run programs in another root."""


def files_in(archive: bytes) -> tuple[FileState, ...]:
    """The files in the answer of `ARCHIVE`, by name.

    Of names of one file the first is the file and the others are links to it, in whatever order the directory had them.
    """
    states = []
    with tarfile.open(fileobj=io.BytesIO(archive)) as content:
        members = content.getmembers()
        first: dict[str, str] = {}
        for member in members:
            file = member.linkname if member.islnk() else member.name
            first[file] = min(first.get(file, member.name), member.name)
        for member in members:
            is_file = member.isfile() or member.islnk()
            file = first[member.linkname if member.islnk() else member.name]
            kind = (tarfile.REGTYPE if member.name == file else tarfile.LNKTYPE) if is_file else member.type
            target = member.linkname if member.issym() else file if kind == tarfile.LNKTYPE else ""
            reader = content.extractfile(member) if is_file else None
            data = reader.read() if reader is not None else b""
            states.append(FileState(member.name, kind, member.mode, target, data))
    return tuple(sorted(states, key=lambda state: state.name))


class LinuxOracle:
    """Runs programs in `root`, which gets a /dev of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, minor in (("null", 3), ("zero", 5), ("full", 7), ("urandom", 9)):
            device = root / "dev" / name
            if not device.exists():
                try:
                    os.mknod(device, 0o020666, os.makedev(1, minor))
                except PermissionError as error:
                    raise NoOracle("mknod(2) and unshare(1) need root") from error
        (root / "dev" / "shm").mkdir(exist_ok=True)
        (root / "dev" / "shm").chmod(0o1777)
        for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
            link = root / "dev" / name
            if not link.is_symlink():
                link.symlink_to(f"/proc/self/{target}")
        if shutil.which("unshare") is None or self._run(["/bin/busybox", "true"], b"").returncode != 0:
            raise NoOracle("unshare(1) does not work here")

    def run(self, command: Sequence[str], given: bytes = b"") -> Outcome:
        """The outcome of a program with an empty /work."""
        work = self.root / WORK
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        ended = self._run(command, given)
        archive = self._run(ARCHIVE, b"")
        status = ended.returncode if ended.returncode >= 0 else 128 - ended.returncode
        return Outcome(status, ended.stdout, ended.stderr, files_in(archive.stdout))

    def _run(self, command: Sequence[str], given: bytes) -> subprocess.CompletedProcess[bytes]:
        """The program is the first one of a process namespace, as in a container, and has a /proc of its own."""
        enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", f"--root={self.root}"]
        return subprocess.run(
            [*enter, f"--wd=/{WORK}", "--", *command],
            input=given,
            capture_output=True,
            env=ENVIRONMENT,
            check=False,
            timeout=PATIENCE,
            umask=0o022,
        )
