"""One program in a container and a machine of its own."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from harness.api.machine import Machine
from harness.machine import MEBIBYTE, Backend

Done = subprocess.CompletedProcess[Any]


async def run(
    arguments: Sequence[str],
    *,
    rootfs: str | PathLike[str],
    input: bytes | str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str = "/",
    user: str = "0",
    timeout: float | None = None,
    check: bool = False,
    text: bool = False,
    hostname: str = "",
    memory: int = 0,
    pids: int = 0,
    cpus: float = 0,
    ram: int = 256 * MEBIBYTE,
    smp: int = 1,
    backend: Backend | str | None = None,
) -> Done:
    """Boot a machine, run a program in a container of `rootfs`, and switch the machine off.

    As `Container.run`, with the options of `Machine` and `Machine.container`; `timeout` counts from when the program
    starts. Raises HarnessError for failures of our own, and what `Container.run` raises.
    """
    async with (
        Machine(rootfs, ram=ram, smp=smp, backend=backend) as machine,
        machine.container(hostname=hostname, memory=memory, pids=pids, cpus=cpus) as container,
    ):
        return await container.run(
            arguments, input=input, env=env, cwd=cwd, user=user, timeout=timeout, check=check, text=text
        )


def run_sync(arguments: Sequence[str], *, rootfs: str | PathLike[str], **settings: Any) -> Done:
    """`run` for programs without an event loop, and for cells of a notebook, which has one already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(run(arguments, rootfs=rootfs, **settings))
    outcome: list[Done | BaseException] = []

    def work() -> None:
        try:
            outcome.append(asyncio.run(run(arguments, rootfs=rootfs, **settings)))
        except BaseException as error:
            outcome.append(error)

    worker = threading.Thread(target=work, name="pithos")
    worker.start()
    worker.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]
