"""Several processors: how many run on each machine, and how all of them stop."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile

from boot.disk import make_image
from codegen.program_file import ProgramFile
from harness import qemu_command
from harness.errors import HarnessError
from harness.inspect_state import cpus_table, problems
from harness.machine import MEBIBYTE, Backend, Machine, MachineType
from harness.physical import kernel_physical
from harness.qemu import start_qemu
from harness.running import RunningMachine
from kernel.machine.segments import MAXIMUM_CPUS
from tests.needs import needs
from tests.system.test_command import pithos

pytestmark = [pytest.mark.qemu, needs("qemu-system-x86_64")]

INVALID_INSTRUCTION = b"\x0f\x0b"  # ud2
INCREMENT = b"\xff\xc0"  # inc eax
NOTHING = b"\x90\x90"  # nop; nop
HALT_FOR_EVER = b"\xfa\xf4\xeb\xfc"  # cli; hlt; jmp to the cli
Started = Callable[..., AbstractAsyncContextManager[RunningMachine]]


@pytest.fixture
def started(machine: Machine) -> Started:
    """Starts a machine with other properties than the tests' own, until its agent is ready."""

    @asynccontextmanager
    async def start(**changes: Any) -> AsyncIterator[RunningMachine]:
        changed = replace(machine, backend=Backend.QEMU, memory=64 * MEBIBYTE, snapshots=False)
        running = await start_qemu(replace(changed, **changes))
        try:
            await running.guest.wait_ready()
            yield running
        finally:
            await running.quit()

    return start


@pytest.mark.parametrize("kind", list(MachineType))
@pytest.mark.parametrize("count", [1, 2, 4])
async def test_every_processor_runs(started: Started, kind: MachineType, count: int) -> None:
    async with started(type=kind, cpus=count) as running:
        assert f"pithos: {count} of {count} processors run, found by ACPI\n" in running.console.text
        numbers = [line.split()[:2] for line in cpus_table(running.kernel)[1:]]
        assert numbers == [[str(number), str(number)] for number in range(count)]
        await running.pause()
        assert problems(running.kernel) == []


async def test_processors_are_found_without_acpi(started: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    made = qemu_command.machine_arguments

    def without_acpi(machine: Machine) -> list[str]:
        return [argument.replace("acpi=on", "acpi=off") for argument in made(machine)]

    monkeypatch.setattr(qemu_command, "machine_arguments", without_acpi)
    async with started(type=MachineType.MICROVM, cpus=4) as running:
        assert "pithos: 4 of 4 processors run, found by the MP table\n" in running.console.text


@pytest.mark.parametrize("kind", [MachineType.Q35, MachineType.PC])
async def test_processors_are_found_after_a_start_from_disk(
    started: Started, machine: Machine, kind: MachineType, tmp_path: Path
) -> None:
    """Our disk loader does not tell where the tables are."""
    disk = tmp_path / "disk.img"
    assert machine.archive is not None
    disk.write_bytes(make_image(machine.kernel.read_bytes(), machine.archive.read_bytes(), machine.words))
    async with started(type=kind, disk=disk, cpus=3) as running:
        assert "pithos: 3 of 3 processors run, found by ACPI\n" in running.console.text


async def test_as_many_processors_as_there_is_room_for(started: Started) -> None:
    async with started(cpus=MAXIMUM_CPUS) as running:
        assert f"pithos: {MAXIMUM_CPUS} of {MAXIMUM_CPUS} processors run" in running.console.text


@pytest.mark.parametrize(
    ("word", "count"), [("cpus=2", 2), ("cpus=1", 1), ("cpus=0", 1), ("cpus=99", 4), ("cpus=x", 4)]
)
async def test_the_command_line_limits_the_processors(started: Started, word: str, count: int) -> None:
    async with started(cpus=4, command_line=word) as running:
        assert f"pithos: {count} of 4 processors run" in running.console.text
        assert len(cpus_table(running.kernel)) == 1 + count


async def test_a_machine_with_several_processors_is_rewound(started: Started) -> None:
    async with started(cpus=4, snapshots=True) as running:
        await running.save()
        for _ in range(3):
            await running.guest.sys.mkdir(b"/made", 0o755)
            await running.rewind()
        await running.guest.sys.mkdir(b"/made", 0o755)
        assert len(cpus_table(running.kernel)) == 5


PROGRAM = (
    "nproc; grep -c ^processor /proc/cpuinfo; grep -c '^cpu[0-9]' /proc/stat; grep ^apicid /proc/cpuinfo | tail -n 1"
)


@pytest.mark.parametrize(
    ("options", "count"), [(["--smp", "4"], 4), (["--smp", "3", "--append", "cpus=2"], 2), ([], 1)]
)
def test_programs_see_the_processors(rootfs: Path, options: list[str], count: int) -> None:
    done = pithos("run", *options, rootfs, "--", "/bin/busybox", "sh", "-c", PROGRAM)
    assert done.stdout.decode().split() == [*[str(count)] * 3, "apicid", ":", str(count - 1)]
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--smp", "0"], b"0 is not in the range 1<=x<=16"),
        (["--smp", "17"], b"17 is not in the range 1<=x<=16"),
        (["--smp", "two"], b"'two' is not a valid integer range"),
        (["--smp", "2", "--backend", "emulator"], b"the emulator has one CPU: leave out --smp, or use --backend qemu"),
    ],
)
def test_a_wrong_number_of_processors_is_refused(rootfs: Path, options: list[str], complaint: bytes) -> None:
    done = pithos("run", *options, rootfs, "--", "/bin/true")
    assert done.returncode == 125
    assert complaint in done.stderr


@pytest.mark.parametrize("count", [0, MAXIMUM_CPUS + 1])
def test_a_machine_has_a_number_of_processors_that_the_kernel_can_run(machine: Machine, count: int) -> None:
    with pytest.raises(HarnessError, match=f"a machine has 1 to {MAXIMUM_CPUS} CPUs, not {count}"):
        replace(machine, backend=Backend.QEMU, cpus=count)


def test_the_emulator_has_one_processor(machine: Machine) -> None:
    with pytest.raises(HarnessError, match="the emulator has one CPU"):
        replace(machine, backend=Backend.EMULATOR, cpus=2)


def check_end(running: RunningMachine, count: int, reason: str) -> None:
    """One processor, which says its number, has reported, and all others have stopped."""
    text = running.console.text
    assert text.count("Traceback") == 1, text
    found = re.search(r"^panic on cpu (\d+): (.*)$", text, re.MULTILINE)
    assert found is not None, text
    assert found[2] == reason
    state = running.kernel.static("kernel.base.panic.PANIC")
    reporter = int(found[1])
    assert state.reporter == reporter + 1
    assert state.stopped == (1 << count) - 1 - (1 << reporter)


def patched_kernel(machine: Machine, folder: Path, symbol: str, code: bytes, instead: bytes = b"") -> Path:
    """A copy of the kernel with other instructions at the start of a function, or where it first has `instead`."""
    content = bytearray(machine.kernel.read_bytes())
    address = ProgramFile(bytes(content)).symbols[symbol]
    file = ELFFile(io.BytesIO(content))
    for segment in file.iter_segments("PT_LOAD"):
        if segment["p_vaddr"] <= address < segment["p_vaddr"] + segment["p_filesz"]:
            place = segment["p_offset"] + address - segment["p_vaddr"]
            place = content.index(instead, place)
            content[place : place + len(code)] = code
    path = folder / "patched.elf"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("symbol", "code", "instead"),
    [
        pytest.param("trampoline", HALT_FOR_EVER, b"", id="it halts at once"),
        pytest.param("processor_entry", NOTHING, INCREMENT, id="the order is for another one"),
    ],
)
async def test_a_processor_that_does_not_answer_is_left_out(
    started: Started, machine: Machine, tmp_path: Path, symbol: str, code: bytes, instead: bytes
) -> None:
    kernel = patched_kernel(machine, tmp_path, symbol, code, instead)
    async with started(cpus=2, kernel=kernel) as running:
        assert "pithos: the processor with APIC id 1 does not start\n" in running.console.text
        assert "pithos: 1 of 2 processors run" in running.console.text
        assert await running.guest.sys.getpid() == 1
        await running.pause()
        assert problems(running.kernel) == []


async def test_a_processor_panics_before_it_runs(machine: Machine, tmp_path: Path) -> None:
    kernel = patched_kernel(machine, tmp_path, "kernel.machine.trampoline.answer", INVALID_INSTRUCTION)
    changed = replace(machine, kernel=kernel, backend=Backend.QEMU, cpus=2, snapshots=False)
    running = await start_qemu(changed)
    try:
        with pytest.raises(HarnessError):
            await running.guest.wait_ready()
        assert running.console.text.count("Traceback") == 1
        assert 'File "kernel/machine/trampoline.py"' in running.console.text
        assert running.console.text.endswith("panic on cpu 1: the kernel faulted\n")
        assert running.kernel.static("kernel.base.panic.PANIC").stopped == 1
    finally:
        await running.quit()


async def test_processors_that_are_not_plugged_in_are_not_started(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = qemu_command.processor_arguments

    def with_room_for_more(machine: Machine) -> list[str]:
        return [f"{argument},maxcpus=6" if argument == "2" else argument for argument in made(machine)]

    monkeypatch.setattr(qemu_command, "processor_arguments", with_room_for_more)
    async with started(type=MachineType.Q35, cpus=2) as running:
        assert "pithos: 2 of 2 processors run, found by ACPI\n" in running.console.text


@pytest.mark.parametrize("kind", list(MachineType))
async def test_a_panic_stops_all_processors(started: Started, kind: MachineType) -> None:
    async with started(type=kind, cpus=4) as running:
        entry = kernel_physical(running.kernel.symbols["kernel.syscalls.scheduling.sched_rr_get_interval"])
        assert entry is not None
        await running.write_physical(entry, INVALID_INSTRUCTION)
        with pytest.raises(HarnessError):
            await running.guest.sys.sched_rr_get_interval(0, 0)
        check_end(running, 4, "the kernel faulted")


async def test_processors_that_panic_at_once_print_one_traceback(started: Started) -> None:
    """QEMU's `nmi` interrupts every processor."""
    for _ in range(3):
        async with started(cpus=4) as running:
            with pytest.raises(HarnessError):
                await running.human("nmi")  # type: ignore[attr-defined]
                await running.guest.sys.getpid()
            check_end(running, 4, "non-maskable interrupt")
