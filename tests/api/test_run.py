"""`pithos.run`, `pithos.Machine` and its containers, as a script uses them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pithos
import pytest
import pytest_asyncio

from tests.needs import needs

pytestmark = [pytest.mark.qemu, needs("qemu-system-x86_64")]


def children() -> list[str]:
    """The QEMUs that this process has started."""
    found = subprocess.run(["pgrep", "-P", str(os.getpid()), "qemu"], capture_output=True, text=True, check=False)
    return found.stdout.split()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def machine(rootfs: Path) -> AsyncIterator[pithos.Machine]:
    rootfs.chmod(0o755)
    async with pithos.Machine(rootfs) as made:
        yield made


async def test_one_program(rootfs: Path) -> None:
    done = await pithos.run(["sh", "-c", "cat; echo err >&2; exit 3"], rootfs=rootfs, input=b"\xff in")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"\xff in", b"err\n")


def test_one_program_without_a_loop(rootfs: Path) -> None:
    done = pithos.run_sync(["echo", "é"], rootfs=str(rootfs), text=True)
    assert (done.returncode, done.stdout) == (0, "é\n")


async def test_one_program_in_a_cell_of_a_notebook(rootfs: Path) -> None:
    done = pithos.run_sync(["hostname"], rootfs=rootfs, hostname="cell", text=True)
    assert done.stdout == "cell\n"
    with pytest.raises(pithos.HarnessError, match="no such directory or tar file"):
        pithos.run_sync(["true"], rootfs="/no/such")


async def test_a_container_keeps_its_files_from_run_to_run(machine: pithos.Machine) -> None:
    async with machine.container(name="kept", memory=64 << 20) as container:
        assert (await container.run(["sh", "-c", "echo kept > /file"])).returncode == 0
        assert (await container.run(["cat", "/file"], text=True)).stdout == "kept\n"
        assert (await container.run(["pwd"], cwd="/tmp", text=True)).stdout == "/tmp\n"
        done = await container.run(["sh", "-c", "id -u; echo $A$HOME"], user="nobody", env={"A": "b"}, text=True)
        assert done.stdout == "65534\nb/\n"
        assert (await container.state())["pages_limit"] == 64 << 8
    async with machine.container() as other:
        assert (await other.run(["cat", "/file"])).returncode == 1


async def test_much_goes_in_and_out(machine: pithos.Machine) -> None:
    content = os.urandom(3_000_000)
    async with machine.container() as container:
        assert (await container.run(["cat"], input=content)).stdout == content
        assert (await container.run(["true"], input=content)).returncode == 0, "nobody reads it"


async def test_programs_run_beside_each_other(machine: pithos.Machine) -> None:
    async with machine.container() as one, machine.container() as other:
        begun = time.monotonic()
        script = "read line; echo $line; sleep 1"
        done = await asyncio.gather(
            *(box.run(["sh", "-c", script], input=f"{number}\n", text=True) for number, box in enumerate([one, other]))
        )
        assert [each.stdout for each in done] == ["0\n", "1\n"]
        assert time.monotonic() - begun < 30


async def test_errors_are_those_of_subprocess(machine: pithos.Machine) -> None:
    async with machine.container() as container:
        with pytest.raises(FileNotFoundError, match="nosuch"):
            await container.run(["nosuch"])
        with pytest.raises(PermissionError):
            await container.run(["/etc/passwd"])
        with pytest.raises(subprocess.CalledProcessError) as failed:
            await container.run(["sh", "-c", "echo out; exit 4"], check=True)
        assert (failed.value.returncode, failed.value.output) == (4, b"out\n")
        with pytest.raises(pithos.HarnessError, match="no user eve"):
            await container.run(["true"], user="eve")
        with pytest.raises(TypeError, match="a sequence"):
            await container.run("echo hello")
        assert (await container.run(["sh", "-c", "kill -KILL $$"])).returncode in (0, 137)
    with pytest.raises(pithos.HarnessError, match="there is no container"):
        await container.run(["true"])


async def test_a_program_that_takes_too_long_is_killed(machine: pithos.Machine) -> None:
    async with machine.container() as container:
        with pytest.raises(subprocess.TimeoutExpired) as late:
            await container.run(["sh", "-c", "echo first; sleep 1000"], timeout=1)
        assert late.value.output == b"first\n"
        begun = asyncio.ensure_future(container.run(["sleep", "1000"]))
        await asyncio.sleep(0.3)
        begun.cancel()
        with pytest.raises(asyncio.CancelledError):
            await begun
        assert (await container.state())["processes_used"] == 0
        assert (await container.run(["echo", "on"], text=True)).stdout == "on\n"


async def test_what_a_program_leaves_running_is_not_waited_for(machine: pithos.Machine) -> None:
    async with machine.container() as container:
        done = await container.run(["sh", "-c", "sleep 1000 & echo begun"], text=True, timeout=60)
        assert done.stdout == "begun\n"


async def test_a_container_is_frozen_and_thawed(machine: pithos.Machine) -> None:
    async with machine.container() as container:
        running = asyncio.ensure_future(container.run(["sh", "-c", "sleep 0.2; echo on"], text=True))
        await asyncio.sleep(0.1)
        await container.freeze()
        await asyncio.sleep(0.5)
        assert not running.done()
        await container.thaw()
        assert (await running).stdout == "on\n"


async def test_the_machine_beneath_is_at_hand(machine: pithos.Machine) -> None:
    assert await machine.guest.sys.getpid() == 1
    assert "pages of memory" in machine.log
    assert machine.kernel.static("kernel.memory.frames.FRAMES").free_count > 1000


async def test_nothing_is_left_when_a_block_ends_early(rootfs: Path) -> None:
    before = children()
    with pytest.raises(ZeroDivisionError):
        async with pithos.Machine(rootfs) as machine, machine.container():
            assert len(children()) == len(before) + 1
            raise ZeroDivisionError
    assert children() == before
    with pytest.raises(pithos.HarnessError, match="the machine is off"):
        await machine.guest.sys.getpid()
    running = asyncio.ensure_future(pithos.run(["sleep", "1000"], rootfs=rootfs))
    await asyncio.sleep(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert children() == before


@pytest.mark.parametrize("settings", [{"ram": 5}, {"smp": 99}, {"ram": 1 << 40}])
async def test_odd_machines_are_refused(rootfs: Path, settings: dict[str, int]) -> None:
    with pytest.raises(pithos.HarnessError):
        await pithos.run(["true"], rootfs=rootfs, **settings)  # type: ignore[arg-type]


def test_the_package_is_light(rootfs: Path) -> None:
    check = "import sys, pithos; sys.exit(any(name.startswith(('kernel', 'llvmlite')) for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
