"""A container of a machine that runs, as an object of Python."""

from __future__ import annotations

import asyncio
import errno
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from harness import containers
from harness.containers import Program
from harness.engine.programs import Started, complete, start_program
from harness.errors import HarnessError
from harness.interface import member
from harness.streams import GivenInput

if TYPE_CHECKING:
    from harness.api.machine import Machine

LAST_WORDS = 5.0
"""Seconds that a program which was killed has to end."""


class Container:
    """One container: `Machine.container` makes it, and it ends with its block, or by `destroy`."""

    def __init__(self, machine: Machine, limits: containers.Limits, name: str, hostname: str) -> None:
        self._machine = machine
        self._limits = limits
        self._name = name
        self._hostname = hostname
        self._descriptor: int | None = None

    async def __aenter__(self) -> Container:
        try:
            self._descriptor = await containers.create(
                self._machine.guest,
                self._machine.root,
                name=self._name,
                hostname=self._hostname,
                limits=self._limits,
            )
        except OSError as error:
            raise HarnessError(f"no container: {error.strerror}") from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(HarnessError):
            await self.destroy()

    @property
    def descriptor(self) -> int:
        """The agent's descriptor of it, for the calls of docs/containers.md. Raises HarnessError after its end."""
        if self._descriptor is None:
            raise HarnessError("there is no container: use `async with machine.container()`")
        return self._descriptor

    async def run(
        self,
        arguments: Sequence[str],
        *,
        input: bytes | str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        user: str = "0",
        timeout: float | None = None,
        check: bool = False,
        text: bool = False,
    ) -> subprocess.CompletedProcess[Any]:
        """Run a program to its end, with its output collected, as subprocess.run does on the host.

        `env` is added to what docker sets; `user` is USER[:GROUP] by names or numbers of the container; `timeout` in
        seconds; with `text` input and output are UTF-8. The status is that of `pithos run`: 128 + n for signal n.

        Raises FileNotFoundError, PermissionError and other OSErrors for what cannot be started, TimeoutExpired (the
        program is killed), CalledProcessError with `check`, MachineDied.
        """
        if isinstance(arguments, str):
            raise TypeError(f"a sequence of arguments is wanted, such as {shlex.split(arguments)!r}")
        content = input.encode() if isinstance(input, str) else input or b""
        out, err = bytearray(), bytearray()
        program = Program([os.fspath(part) for part in arguments], directory=cwd)
        guest = self._machine.guest
        program = await complete(
            guest, self.descriptor, program, user=user, hostname=self._hostname, environment=env or {}
        )
        try:
            started = await start_program(guest, self.descriptor, program, GivenInput(content), out.extend, err.extend)
        except OSError as error:
            raise OSError(error.errno, error.strerror, arguments[0]) from None
        try:
            await asyncio.wait_for(self._finish(started), timeout)
        except TimeoutError:
            await self._kill(started)
            raise subprocess.TimeoutExpired(list(arguments), timeout or 0, bytes(out), bytes(err)) from None
        except asyncio.CancelledError:
            with suppress(HarnessError, OSError):
                await asyncio.shield(self._kill(started))
            raise
        status = await containers.wait(guest, started.pidfd)
        await guest.sys.close(started.pidfd)
        if check and status != 0:
            raise subprocess.CalledProcessError(status, list(arguments), bytes(out), bytes(err))
        if text:
            return subprocess.CompletedProcess(
                list(arguments), status, out.decode(errors="replace"), err.decode(errors="replace")
            )
        return subprocess.CompletedProcess(list(arguments), status, bytes(out), bytes(err))

    async def _finish(self, started: Started) -> None:
        """Stream until the program has ended, and what it has left in its pipes."""
        await started.streams.until_ended()
        await started.streams.finish()

    async def _kill(self, started: Started) -> None:
        """End a program that is not waited for any longer."""
        guest = self._machine.guest
        with suppress(ProcessLookupError):
            await guest.sys.pidfd_send_signal(started.pidfd, int(signal.SIGKILL), None, 0)
        with suppress(TimeoutError):
            await asyncio.wait_for(containers.wait(guest, started.pidfd), LAST_WORDS)
        await started.streams.close_all()
        await guest.sys.close(started.pidfd)

    async def kill(self) -> None:
        """End every process of the container, which stays."""
        await self._control("KILL")

    async def freeze(self) -> None:
        """Let nothing in it run until `thaw`."""
        await self._control("FREEZE")

    async def thaw(self) -> None:
        """Undo `freeze`."""
        await self._control("THAW")

    async def _control(self, operation: str) -> None:
        await self._machine.guest.sys.control_container(self.descriptor, member("ControlOperation", operation), 0)

    async def state(self) -> dict[str, int]:
        """What it uses, its peaks and limits: ContainerState of docs/containers.md by the names of its fields."""
        return await containers.query(self._machine.guest, self.descriptor)

    async def destroy(self) -> dict[str, int]:
        """Destroy it with all in it; the state afterwards tells what was given back. Once more does nothing."""
        if self._descriptor is None:
            return {}
        descriptor, self._descriptor = self._descriptor, None
        guest = self._machine.guest
        try:
            return await containers.destroy(guest, descriptor)
        except OSError as error:
            if error.errno != errno.ESRCH:
                raise
            return {}
        finally:
            await guest.sys.close(descriptor)
