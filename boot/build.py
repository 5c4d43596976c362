"""The kernel's build: import, compile, link; `build/pithos.elf` and `build/pithos.img`.

Kernel and compiler are imported only when something has to be built: a build in which nothing changed is over
when the hashes of the sources are compared.
"""

from __future__ import annotations

import importlib
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

from boot.errors import BuildFailed
from boot.layout import KERNEL_VIRTUAL
from codegen.bytecode import kept_bytecode
from codegen.cache import BuildRecord
from codegen.collector import without_collection
from codegen.files import whole_file, write_whole
from codegen.root import BUILD_FOLDER, ROOT
from codegen.threads import may_fork

if TYPE_CHECKING:
    from codegen import Image

KERNEL_MODULE = "kernel.main"

Progress = Callable[[str, int, int], None]


def exported_functions() -> list[FunctionType]:
    """What the stubs call: the functions marked `@export` in the kernel modules that are imported by now."""
    found: dict[str, FunctionType] = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("kernel."):
            for value in vars(module).values():
                if isinstance(value, FunctionType) and hasattr(value, "__export__"):
                    found[f"{value.__module__}.{value.__qualname__}"] = value
    return [function for _name, function in sorted(found.items())]


def build_kernel(progress: Progress | None = None, cache: Path = BUILD_FOLDER / "cache") -> Image:
    """Compile and link the kernel."""
    with without_collection(), kept_bytecode(cache / "python"):
        return _build_kernel(progress, cache)


def _build_kernel(progress: Progress | None, cache: Path) -> Image:
    from codegen import compile_program

    importlib.import_module(KERNEL_MODULE)
    program = compile_program(exported_functions(), cache=cache, progress=progress, meanwhile=load_linker)
    from boot.pvh import PVH_NOTE
    from boot.stack_limit import check_stacks
    from boot.stubs import ALL_STUBS
    from codegen import link

    if progress is not None:
        progress("link", 0, 1)
    image = link(program, base=KERNEL_VIRTUAL, stubs=ALL_STUBS, entry="pvh_entry", notes=(PVH_NOTE,))
    check_stacks(image.elf)
    return image


def load_linker() -> None:
    """Import what is needed once the objects are made; the assembler and the disassembler are large."""
    for name in ("boot.stubs", "boot.pvh", "boot.stack_limit", "boot.disk", "codegen.image", "capstone"):
        importlib.import_module(name)


def write_kernel(progress: Progress | None = None) -> Path:
    """Build the kernel and write build/pithos.elf and pithos.json, if they changed; returns the path."""
    path = BUILD_FOLDER / "pithos.elf"
    interface = BUILD_FOLDER / "pithos.json"
    record = BuildRecord(BUILD_FOLDER / "pithos.elf.record")
    if not record.is_current([path, interface]):
        if "kernel.memory.account" in sys.modules or not may_fork():
            build_apart()
        else:
            image = build_kernel(progress)
            from boot.interface import describe

            write_if_changed(path, image.elf)
            write_if_changed(interface, describe(image))
            record.save([path, interface], packages=("boot", "codegen", "kernel"))
    return path


def build_apart() -> None:
    """Build in a process of its own. Raises BuildFailed.

    Here the kernel's modules may have run, and their objects are what is compiled; or there are threads, so that the
    build could have no workers.
    """
    command = [sys.executable, "-m", "boot", "kernel"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildFailed(done.stderr.strip())


def write_disk(archive: Path | None, command_line: str) -> Path:
    """Write build/pithos.img from build/pithos.elf and `archive`; returns the path."""
    path = BUILD_FOLDER / "pithos.img"
    kernel = BUILD_FOLDER / "pithos.elf"
    inputs = [kernel] if archive is None else [kernel, archive]
    record = BuildRecord(BUILD_FOLDER / "pithos.img.record")
    options = f"{command_line}\n{archive}"
    if not record.is_current([path], options):
        from boot.disk import write_image

        with whole_file(path) as file, io.BytesIO() if archive is None else archive.open("rb") as content:
            write_image(file, kernel.read_bytes(), content, command_line)
        record.save([path], options, inputs, packages=("boot", "codegen", "kernel"))
    return path


def write_if_changed(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; one that is the same keeps its time."""
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
