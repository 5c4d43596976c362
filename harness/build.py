"""What a machine is started from: kernel, agent, boot archive and disk image, built when they are not current."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from boot.build import write_kernel
from boot.errors import BuildFailed
from codegen.root import BUILD_FOLDER, ROOT
from harness.archive import write_boot_archive
from harness.errors import HarnessError
from harness.images.graft import Graft

KERNEL = BUILD_FOLDER / "pithos.elf"
IMAGE_ROOT = "images"
SUFFIX = ".archive"
UNFINISHED = "unfinished-"
KEPT, KEPT_SIZE = 8, 1 << 30
"""How many archives, and how many bytes of them, are kept in build/archives."""
START_PATIENCE = 600
"""Seconds in which a machine will have read the archive that was made for it."""

SOURCES = [ROOT / name for name in ("kernel", "user", "boot")]
"""Where what is compiled comes from."""
Progress = Callable[[str, int, int], None]


def ensure_kernel(progress: Progress | None = None) -> Path:
    """build/pithos.elf, built if a source changed. Raises HarnessError with the compiler's message."""
    with told_of("kernel"):
        return write_kernel(progress)


def ensure_agent(progress: Progress | None = None) -> bytes:
    """The agent's ELF file, built if a source changed. Raises HarnessError."""
    from user.output import write_agent

    with told_of("agent"):
        return write_agent(progress).read_bytes()


def ensure_ctr(progress: Progress | None = None) -> bytes:
    """The ELF file of ctr, built if a source changed. Raises HarnessError."""
    from user.output import write_ctr

    with told_of("program ctr"):
        return write_ctr(progress).read_bytes()


def ensure_init(progress: Progress | None = None) -> bytes:
    """The ELF file of the init of containers, built if a source changed. Raises HarnessError."""
    from user.output import write_init

    with told_of("program init"):
        return write_init(progress).read_bytes()


@contextmanager
def told_of(what: str) -> Iterator[None]:
    """Turn what the compiler refuses, and what goes wrong when its sources are imported, into a HarnessError.

    The compiler is not imported where nothing is wrong.
    """
    try:
        yield
    except OSError as error:
        place = error.filename or BUILD_FOLDER
        raise HarnessError(f"the {what} cannot be built in {place}: {error.strerror or error}") from None
    except Exception as error:
        from codegen import CompileError, LinkError
        from harness.described import described

        known = isinstance(error, BuildFailed | CompileError | LinkError)
        why = str(error) if known else described(error, SOURCES)
        if why is None:
            raise
        raise HarnessError(f"the {what} does not build:\n{why}") from None


def write_archive(
    images: Mapping[str, Path],
    warn: Callable[[str], None],
    files: Mapping[str, bytes] | None = None,
    memory: int | None = None,
    grafts: Mapping[str, Sequence[Graft]] | None = None,
) -> Path:
    """A boot archive with root file systems by name, in build/archives; the same contents have the same path.

    `grafts` are put into the root file system of the name.

    Raises HarnessError for root file systems that cannot be had, or do not fit into a machine with so much `memory`.
    """
    agent = ensure_agent()
    folder = BUILD_FOLDER / "archives"
    unfinished: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=UNFINISHED, delete=False) as file:
            unfinished = Path(file.name)
            output = HashedFile(file)
            write_boot_archive(output, agent, images, warn, files or {}, memory, grafts)
        path = folder / f"{output.hash.hexdigest()[:16]}{SUFFIX}"
        unfinished.replace(path)
    except OSError as error:
        raise HarnessError(f"no boot archive in {folder}: {error.strerror or error}") from None
    finally:
        if unfinished is not None:
            unfinished.unlink(missing_ok=True)
    _forget_old(folder, path)
    return path


class HashedFile:
    """A file that is written once, and the hash of what is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.hash = hashlib.sha256()

    def write(self, content: bytes) -> None:
        """Write on."""
        self.hash.update(content)
        self._file.write(content)


def _forget_old(folder: Path, path: Path) -> None:
    """Archives are made anew in a moment: keep a few of those that no machine can be about to read."""
    found = []
    for other in folder.iterdir():
        with suppress(FileNotFoundError):
            status = other.stat()
            found.append((status.st_mtime, status.st_size, other))
    kept, total = 0, 0
    for modified, size, other in sorted(found, reverse=True):
        kept, total = kept + 1, total + size
        is_of_use = other == path or time.time() - modified < START_PATIENCE
        if not is_of_use and (kept > KEPT or total > KEPT_SIZE or other.suffix != SUFFIX):
            with suppress(OSError):
                other.unlink()


@contextmanager
def disk_image(kernel: Path, archive: Path, command_line: str) -> Iterator[Path]:
    """A raw disk image that starts `kernel` with `archive`, for as long as the block runs."""
    from boot.disk import write_image
    from boot.errors import DiskError

    with tempfile.NamedTemporaryFile(prefix="pithos-", suffix=".img") as file:
        try:
            with archive.open("rb") as content:
                write_image(file, kernel.read_bytes(), content, command_line)
            file.flush()
        except DiskError as error:
            raise HarnessError(f"no disk image: {error}") from None
        except OSError as error:
            raise HarnessError(f"no disk image in {tempfile.gettempdir()}: {error.strerror}; set TMPDIR") from None
        yield Path(file.name)
