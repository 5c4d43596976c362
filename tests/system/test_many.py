"""A thousand containers in one boot: as many frames are free at the end as at the start."""

from __future__ import annotations

from harness import containers
from harness.containers import Program
from harness.guest import Guest
from harness.inspect_state import FRAMES
from harness.machine import Backend
from harness.plugin import ROOT
from harness.running import RunningMachine

TRUE = Program(["/bin/busybox", "true"])
COUNT = {Backend.QEMU: 1000, Backend.EMULATOR: 50}
"""The emulator is some thirty times slower."""


async def life(guest: Guest) -> None:
    """Create, run, destroy."""
    container = await containers.create(guest, ROOT)
    pidfd = await containers.run(guest, container, TRUE)
    assert await containers.wait(guest, pidfd) == 0
    await guest.sys.destroy_container(container)
    for descriptor in (pidfd, container):
        await guest.sys.close(descriptor)


async def test_a_thousand_containers_leave_nothing(running: RunningMachine, guest: Guest) -> None:
    await life(guest)  # the agent and the kernel's shared slabs grow once
    frames = running.kernel.static(FRAMES)
    before = frames.free_count
    for number in range(COUNT[running.machine.backend]):
        await life(guest)
        assert frames.free_count == before, f"after container {number}"
    assert len(running.kernel.root_container.children) == 0
