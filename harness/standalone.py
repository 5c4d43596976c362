"""A machine without a host: boot archive and disk image that run a command by themselves (docs/boot-by-hand.md).

In the archive there are also `/ctr`, which the first process becomes, `/command`, its arguments, each with a NUL
(without that file: a shell), and ctr once more where the root file system has its own programs.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from boot.build import write_disk
from boot.errors import DiskError
from codegen.files import whole_file
from codegen.root import BUILD_FOLDER
from harness.build import IMAGE_ROOT, ensure_agent, ensure_ctr, ensure_kernel, write_archive
from harness.errors import HarnessError
from harness.messages import say
from harness.outputs import check_replaceable
from harness.rootfs import NoBusybox, make_rootfs

ROOT_NAME = "root"
CTR_INSIDE = f"{IMAGE_ROOT}/{ROOT_NAME}/usr/local/bin/ctr"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Made:
    """What a build has made."""

    kernel: Path
    archive: Path
    image: Path


def default_root() -> Path | None:
    """A root file system with this machine's busybox; without one, None, and a line that says so."""
    folder = BUILD_FOLDER / "rootfs"
    try:
        make_rootfs(folder)
    except NoBusybox as reason:
        say(f"the image has no root file system: {reason}, or give --rootfs")
        return None
    return folder


def standalone_archive(rootfs: Path | None, command: str, progress: Progress | None = None) -> Path:
    """The boot archive of a machine without a host. Raises HarnessError."""
    ensure_kernel(progress)
    ensure_agent(progress)
    program = ensure_ctr(progress)
    root = default_root() if rootfs is None else rootfs
    files = {"ctr": program}
    if command:
        files["command"] = arguments_of(command)
    if root is None:
        return write_archive({}, say, files)
    return write_archive({ROOT_NAME: root}, say, {**files, CTR_INSIDE: program})


def arguments_of(command: str) -> bytes:
    """The words of a command as a shell splits them, each with its NUL. Raises HarnessError."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise HarnessError(f"--command {command!r}: {error}") from None
    if not words:
        raise HarnessError(f"--command {command!r}: there is no command in it")
    return b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in words)


def build_standalone(rootfs: Path | None, command: str, image: Path | None, progress: Progress | None = None) -> Made:
    """Build kernel, boot archive and disk image; the image at `image` if that is given. Raises HarnessError."""
    if image is not None:
        check_replaceable(image)
    archive = standalone_archive(rootfs, command, progress)
    kept = BUILD_FOLDER / "pithos.archive"
    kernel = BUILD_FOLDER / "pithos.elf"
    try:
        with whole_file(kept) as output, archive.open("rb") as content:
            shutil.copyfileobj(content, output)
        if image is None:
            return Made(kernel, kept, write_disk(kept, ""))
        from boot.disk import write_image

        with whole_file(image) as output, kept.open("rb") as content:
            write_image(output, kernel.read_bytes(), content, "")
    except (DiskError, OSError) as error:
        raise HarnessError(f"no disk image: {error}") from None
    return Made(kernel, kept, image)
