"""Writes build/agent.elf, or finds that it is up to date without loading the compiler."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from codegen.bytecode import kept_bytecode
from codegen.cache import BuildRecord
from codegen.files import write_whole
from codegen.root import BUILD_FOLDER


def write_agent(progress: Callable[[str, int, int], None] | None = None, folder: Path = BUILD_FOLDER) -> Path:
    """Build the agent if a source of it has changed; returns the path."""
    path = folder / "agent.elf"
    record = BuildRecord(folder / "agent.elf.record")
    if not record.is_current([path]):
        with kept_bytecode(folder / "cache" / "python"):
            from user.build import build_agent

            write_whole(path, build_agent(cache=folder / "cache", progress=progress))
        record.save([path], packages=("codegen", "kernel", "user"))
    return path
