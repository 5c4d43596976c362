"""From power-on to `kernel_main`, with what the loader was told, on every machine and in every way."""

from __future__ import annotations

from pathlib import Path

import pytest

from boot.disk import DISK_UNIT, make_image
from boot.errors import DiskError
from boot.loaded import load_kernel
from tests.boot.tiny import EXIT_VALUE, MACHINES, needs_qemu, run_qemu, tiny_kernel

ARCHIVE = bytes(range(1, 256)) * 400 + b"the end"
COMMAND_LINE = "tsc_khz=1000000 quiet"
EXIT_STATUS = EXIT_VALUE * 2 + 1

pytestmark = pytest.mark.qemu


@needs_qemu
@pytest.mark.parametrize("machine", MACHINES)
def test_pvh_start_hands_over_archive_and_command_line(machine: str, tmp_path: Path) -> None:
    kernel, archive = tmp_path / "kernel.elf", tmp_path / "archive"
    kernel.write_bytes(tiny_kernel().elf)
    archive.write_bytes(ARCHIVE)
    outcome = run_qemu(machine, "-kernel", kernel, "-initrd", archive, "-append", COMMAND_LINE)
    assert outcome.status == EXIT_STATUS
    assert outcome.console == f"1 {COMMAND_LINE}\n".encode() + ARCHIVE


@needs_qemu
def test_pvh_start_without_archive(tmp_path: Path) -> None:
    kernel = tmp_path / "kernel.elf"
    kernel.write_bytes(tiny_kernel().elf)
    outcome = run_qemu("q35", "-kernel", kernel)
    assert (outcome.status, outcome.console) == (EXIT_STATUS, b"0 \n")


@needs_qemu
@pytest.mark.parametrize("machine", ["q35", "pc"])
@pytest.mark.parametrize("interface", ["ide", "virtio"])
def test_disk_start_hands_over_archive_and_command_line(machine: str, interface: str, tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    disk.write_bytes(make_image(tiny_kernel().elf, ARCHIVE, COMMAND_LINE))
    outcome = run_qemu(machine, "-drive", f"file={disk},format=raw,if={interface}")
    assert outcome.status == EXIT_STATUS
    assert outcome.console == f"1 {COMMAND_LINE}\n".encode() + ARCHIVE


@needs_qemu
def test_disk_start_says_that_memory_is_too_small(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    disk.write_bytes(make_image(tiny_kernel("hlt").elf, bytes(8 << 20), ""))
    stop = ["-drive", f"file={disk},format=raw", "-monitor", "none"]
    console = run_until(stop, b"\n")
    assert console == b"pithos: too little memory\r\n"


def run_until(arguments: list[str], text: bytes) -> bytes:
    """The console of a machine of 8 MiB that does not end itself, up to `text`."""
    import subprocess

    command = ["qemu-system-x86_64", "-M", "pc", "-m", "8", "-display", "none", "-nodefaults"]
    command += ["-serial", "stdio", *arguments]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        console = b""
        while not console.endswith(text):
            byte = process.stdout.read(1)
            if not byte:
                break
            console += byte
        process.kill()
    return console


def test_disk_image_is_made_of_whole_units_and_bootable() -> None:
    image = make_image(tiny_kernel().elf)
    assert len(image) % DISK_UNIT == 0
    assert image[510:512] == b"\x55\xaa"


def test_disk_image_refuses_a_long_command_line() -> None:
    with pytest.raises(DiskError, match="longer than 255 bytes"):
        make_image(tiny_kernel().elf, command_line="x" * 256)


def test_kernel_segments_are_loaded_by_physical_address() -> None:
    image = tiny_kernel()
    kernel = load_kernel(image.elf)
    assert kernel.start == 0x200000
    assert kernel.entry == image.symbols["pvh_entry"]
    for segment in image.segments:
        offset = segment.physical - kernel.start
        assert kernel.content[offset : offset + len(segment.content)] == segment.content
