"""What `pithos` costs before and after a program: processor time, as multiples of importing its own libraries."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.figure import Figure
from harness.build import ensure_agent, ensure_kernel
from harness.rootfs import make_rootfs

RUNS = 7
LIBRARIES = "import click, asyncio, rich"
PITHOS = ("-m", "harness.cli")
GOAL_RUN, GOAL_RUN_SECONDS, GOAL_HELP_SECONDS = 5, 0.5, 0.15


def processor_time(*arguments: str) -> float:
    """Seconds of processor time of Python with these arguments and all that it starts: the least of some runs."""
    times = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def measure() -> list[Figure]:
    """`pithos run true` and `pithos --help`. Everything is built before."""
    ensure_kernel()
    ensure_agent()
    with tempfile.TemporaryDirectory(prefix="pithos-bench-") as folder:
        make_rootfs(Path(folder))
        libraries = processor_time("-c", LIBRARIES)
        run = processor_time(*PITHOS, "run", folder, "--", "/bin/true")
    shown = processor_time(*PITHOS, "--help")
    what = "processor time, QEMU included"
    return [
        Figure(f"pithos run true: {what}", run, "s", GOAL_RUN_SECONDS),
        Figure("pithos run true beside importing click, asyncio and rich", run / libraries, "times", GOAL_RUN),
        Figure("pithos --help: processor time", shown, "s", GOAL_HELP_SECONDS),
    ]
