"""Test programs in C, for calls that no applet makes. Where there is no compiler, their tests are skipped."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCES = (
    "memory",
    "growth",
    "mappings",
    "threads",
    "signals",
    "frames",
    "usage",
    "scheduling",
    "settings",
    "others",
    "clocks",
    "proc",
    "jobs",
    "sharing",
    "locks",
    "fifos",
    "files",
    "watches",
    "crowd",
    "nested",
    "mutants",
)


def add_compiled(folder: Path) -> None:
    """Compile the programs, statically, to /bin of the root file system `folder`."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return
    for name in SOURCES:
        source = Path(__file__).with_name(f"{name}.c")
        command = [compiler, "-O0", "-w", "-static", "-pthread", "-o", str(folder / "bin" / name), str(source)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0 and "error:" in done.stderr:
            raise ValueError(f"{source} does not compile:\n{done.stderr}")
