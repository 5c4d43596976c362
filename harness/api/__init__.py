"""Pithos from Python: programs in containers of a machine, as `subprocess.run` runs them on the host.

    done = await pithos.run(["echo", "hello"], rootfs="build/rootfs")
    print(done.returncode, done.stdout)

    async with pithos.Machine(rootfs="build/rootfs") as machine:
        async with machine.container(memory=64 << 20) as container:
            await container.run(["sh", "-c", "echo kept > /file"])
            done = await container.run(["cat", "/file"])

docs/python.md has more. It is imported as `pithos`.
"""

from harness.api.container import Container
from harness.api.machine import Machine
from harness.api.programs import run, run_sync
from harness.errors import GuestPanic, HarnessError, MachineDied
from harness.machine_kinds import Backend, MachineType

__all__ = [
    "Backend",
    "Container",
    "GuestPanic",
    "HarnessError",
    "Machine",
    "MachineDied",
    "MachineType",
    "run",
    "run_sync",
]
