"""What a machine is started from: kernel, agent, boot archive and disk image, built when they are not current."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from boot.build import write_if_changed, write_kernel
from boot.errors import BuildFailed
from codegen.root import BUILD_FOLDER
from harness.archive import boot_archive
from harness.errors import HarnessError

KERNEL = BUILD_FOLDER / "pithos.elf"
IMAGE_ROOT = "images"

Progress = Callable[[str, int, int], None]


def ensure_kernel(progress: Progress | None = None) -> Path:
    """build/pithos.elf, built if a source changed. Raises HarnessError with the compiler's message."""
    from codegen import CompileError, LinkError

    try:
        return write_kernel(progress)
    except (BuildFailed, CompileError, LinkError) as error:
        raise HarnessError(f"the kernel does not build:\n{error}") from None


def ensure_agent(progress: Progress | None = None) -> bytes:
    """The agent's ELF file, built if a source changed. Raises HarnessError."""
    from codegen import CompileError, LinkError
    from user.output import write_agent

    try:
        return write_agent(progress).read_bytes()
    except (CompileError, LinkError) as error:
        raise HarnessError(f"the agent does not build:\n{error}") from None


def write_archive(images: dict[str, Path], warn: Callable[[str], None], files: dict[str, bytes] | None = None) -> Path:
    """A boot archive with root file systems by name, in build/archives; the same contents have the same path."""
    content = boot_archive(ensure_agent(), images, warn, files)
    folder = BUILD_FOLDER / "archives"
    path = folder / f"{hashlib.sha256(content).hexdigest()[:16]}.cpio"
    if not path.exists():
        write_if_changed(path, content)
        _keep_newest(folder, 8)
    return path


def _keep_newest(folder: Path, count: int) -> None:
    """Archives are made anew in a moment: keep only a few."""
    by_age = sorted(folder.glob("*.cpio"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[count:]:
        path.unlink(missing_ok=True)


@contextmanager
def disk_image(kernel: Path, archive: Path, command_line: str) -> Iterator[Path]:
    """A raw disk image that starts `kernel` with `archive`, for as long as the block runs."""
    from boot.disk import make_image
    from boot.errors import DiskError

    with tempfile.NamedTemporaryFile(prefix="pithos-", suffix=".img") as file:
        try:
            file.write(make_image(kernel.read_bytes(), archive.read_bytes(), command_line))
        except DiskError as error:
            raise HarnessError(f"no disk image: {error}") from None
        file.flush()
        yield Path(file.name)
