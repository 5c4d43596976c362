"""What the kernel does, in guest instructions: user/bench runs under QEMU's -icount, where one takes one nanosecond."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bench.figure import Figure
from codegen.root import BUILD_FOLDER
from harness import containers
from harness.build import IMAGE_ROOT, ensure_kernel, write_archive
from harness.containers import Program
from harness.guest import Guest
from harness.machine import Machine
from harness.streams import make_pipe
from user.build import build_bench

GOALS = {
    "unknown_call": 60,
    "getppid": 70,
    "page_fault": 900,
    "mmap_munmap": 2_500,
    "thread": 12_000,
    "futex_trip": 1_000,
    "fork_exit": 30_000,
    "fork_exec": 50_000,
    "pipe_trip": 1_600,
    "pread": 1_000,
    "pwrite": 1_100,
    "zero": 200,
    "null": 190,
    "pipe_block": 20_000,
    "listing": 180,
    "unix_trip": 3_200,
    "unix_datagram_trip": 3_000,
    "socketpair": 3_000,
    "unix_rights": 2_000,
    "unix_block": 21_845,
}
"""A third of what the leanest Linux needs."""

NAMES = {
    "unknown_call": "a system call that does not exist",
    "getppid": "getppid",
    "page_fault": "page fault: first write to a page, its clearing and giving back",
    "mmap_munmap": "mmap and munmap of a page",
    "thread": "thread: mmap of a stack, clone, exit, join, munmap",
    "futex_trip": "futex round trip between two threads",
    "fork_exit": "fork, exit and wait",
    "fork_exec": "fork, execve of a static program, exit and wait",
    "pipe_trip": "pipe round trip between two processes",
    "pread": "pread of 4 KiB of a file",
    "pwrite": "pwrite of 4 KiB over those of a file",
    "zero": "read of a byte of /dev/zero",
    "null": "write of a byte to /dev/null",
    "pipe_block": "64 KiB into a pipe and out of it",
    "listing": "getdents64: an entry",
    "unix_trip": "AF_UNIX: stream round trip between two processes",
    "unix_datagram_trip": "AF_UNIX: datagram round trip between two processes",
    "socketpair": "AF_UNIX: socketpair and two closes",
    "unix_rights": "AF_UNIX: a descriptor sent, received and closed",
    "unix_block": "AF_UNIX: 64 KiB into a stream and out of it",
    "container": "container: create, run a static program, wait, destroy",
}


def write_root(folder: Path) -> None:
    """The root file system that holds the benchmark and what it runs."""
    (folder / "bin").mkdir()
    for name, content in build_bench(cache=BUILD_FOLDER / "cache").items():
        path = folder / "bin" / name
        path.write_bytes(content)
        path.chmod(0o755)


async def output_of(guest: Guest, arguments: list[str]) -> str:
    """What a program prints that runs in a container of the benchmark's root. Raises if it fails."""
    container = await containers.create(guest, f"/{IMAGE_ROOT}/bench")
    pipe = await make_pipe(guest, os.O_CLOEXEC)
    process = await containers.run(guest, container, Program(arguments, files={1: pipe.write_end, 2: pipe.write_end}))
    await guest.sys.close(pipe.write_end)
    content = b""
    while part := await guest.read(pipe.read_end, 4096):
        content += part
    status = await containers.wait(guest, process)
    await guest.sys.destroy_container(container)
    if status != 0:
        raise RuntimeError(f"{arguments[0]} ended with status {status}: {content.decode()}")
    return content.decode()


async def measure() -> list[Figure]:
    """The figures that user/bench prints."""
    with tempfile.TemporaryDirectory(prefix="pithos-bench-") as name:
        write_root(Path(name))
        archive = write_archive({"bench": Path(name)}, print)
    running = await Machine(kernel=ensure_kernel(), archive=archive, instruction_shift=0).start()
    try:
        text = await output_of(running.guest, ["/bin/bench"])
    finally:
        await running.quit()
    figures = []
    for line in text.splitlines():
        key, value = line.split()
        figures.append(Figure(NAMES.get(key, key), float(value), "instructions", GOALS.get(key)))
    return figures
