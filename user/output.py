"""Writes programs of ring 3 to build/, or finds that they are up to date without loading the compiler."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from codegen.bytecode import kept_bytecode
from codegen.cache import BuildRecord
from codegen.files import write_whole
from codegen.root import BUILD_FOLDER

Progress = Callable[[str, int, int], None]


def write_agent(progress: Progress | None = None, folder: Path = BUILD_FOLDER) -> Path:
    """Build the agent if a source of it has changed; returns the path."""

    def build() -> bytes:
        from user.build import build_agent

        return build_agent(cache=folder / "cache", progress=progress)

    return write_program("agent", build, folder)


def write_ctr(progress: Progress | None = None, folder: Path = BUILD_FOLDER) -> Path:
    """Build ctr if a source of it has changed; returns the path."""

    def build() -> bytes:
        from user.build import build_ctr

        return build_ctr(cache=folder / "cache", progress=progress)

    return write_program("ctr", build, folder)


def write_init(progress: Progress | None = None, folder: Path = BUILD_FOLDER) -> Path:
    """Build the init of containers if a source of it has changed; returns the path."""

    def build() -> bytes:
        from user.build import build_init

        return build_init(cache=folder / "cache", progress=progress)

    return write_program("init", build, folder)


def write_program(name: str, build: Callable[[], bytes], folder: Path) -> Path:
    """Write what `build` makes to NAME.elf, if a source has changed."""
    path = folder / f"{name}.elf"
    record = BuildRecord(folder / f"{name}.elf.record")
    if not record.is_current([path]):
        with kept_bytecode(folder / "cache" / "python"):
            write_whole(path, build())
        record.save([path], packages=("codegen", "kernel", "user"))
    return path
