"""docs/boot-by-hand.md: the same image by UEFI; it is a volume and an application to the tools of others."""

from __future__ import annotations

import io
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from boot import disk, efi, fat
from boot.disk import PARTITION_START, make_image, write_image
from boot.errors import DiskError
from boot.loaded import archive_place, load_kernel
from tests.boot.test_by_hand import (
    EXIT_DEVICE,
    PLAIN,
    PROMPT,
    SAID,
    WITHOUT_SCREEN,
    command_image,
    drive,
    kernel,
    root,
    run,
    shell_image,
)
from tests.boot.tiny import needs_qemu, tiny_kernel
from tests.needs import needs, require
from tests.system.shell import Screen

__all__ = ["command_image", "root", "shell_image"]

FIRMWARE = "/usr/share/ovmf/OVMF.fd"
FSCK = "/usr/sbin/fsck.fat"
MACHINES = {
    "pc": ("-M", "pc"),
    "q35 with processors": ("-M", "q35", "-smp", "4", "-m", "512"),
    "memory above 4 GiB": ("-M", "q35", "-m", "5G"),
}
needs_firmware = needs(FIRMWARE)


def untouched(image: Path) -> tuple[str, str]:
    """The option for a disk that stays as it is: this firmware keeps settings in a file of the first volume."""
    option, value = drive(image)
    return option, f"{value},snapshot=on"


@needs_qemu
@needs_firmware
@pytest.mark.qemu
@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_the_image_of_the_bios(command_image: Path, machine: tuple[str, ...]) -> None:
    """Its command runs, and all processors and memory are there: the firmware's tables are found."""
    status, console = run(*WITHOUT_SCREEN, *machine, "-bios", FIRMWARE, *EXIT_DEVICE, *untouched(command_image))
    assert (status, SAID in console) == (11, True)
    processors = machine[machine.index("-smp") + 1] if "-smp" in machine else "1"
    assert f"pithos: {processors} of {processors} processors run, found by ACPI\n" in console
    pages = re.search(r"pithos: (\d+) pages of memory", console)
    wanted = {"512": 512, "5G": 5 << 10}.get(machine[-1], 128) << 20
    assert pages is not None and int(pages[1]) * 4096 > 0.93 * wanted


@needs_qemu
@needs_firmware
@pytest.mark.qemu
def test_shell(shell_image: Path) -> None:
    """It ends by ACPI."""
    command = [*PLAIN, "-M", "q35", "-bios", FIRMWARE, *untouched(shell_image)]
    with Screen(command, 33, 101, tells_size=True) as shell:
        shell.expect(PROMPT)
        assert shell.command(b"stty size; tty") == b"33 101\r\n/dev/console\r\n"
        shell.type(b"exit 3\r")
        assert shell.end() == 0
        assert b"\r\npithos: the first process ended with status 3\r\n" in shell.seen


@needs_qemu
@needs_firmware
@pytest.mark.qemu
def test_firmware_without_memory_for_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and goes on to what else it can start; what had been claimed before is free again."""
    loaded = load_kernel(kernel().read_bytes())
    far = 0xB000_0000
    elsewhere = replace(loaded, start=far, end=loaded.end - loaded.start + far)
    monkeypatch.setattr(disk, "load_kernel", lambda elf: elsewhere)
    image = tmp_path / "image"
    image.write_bytes(make_image(b"", b"archive"))
    with Screen([*PLAIN, "-bios", FIRMWARE, *untouched(image)]) as machine:
        machine.expect(b"pithos: the firmware has no memory where the kernel goes\r\n")
        machine.expect(b"failed to start Boot")


def volume_file(folder: Path, size: int, head: bytes = b"") -> tuple[Path, fat.Volume]:
    """A volume with one file of `size` bytes, in a file of its own."""
    volume = fat.volume_for(efi.PATH, size)
    path = folder / "volume"
    with path.open("wb") as output:
        for sector, content in [*volume.pieces(0), (volume.file_sector, head)]:
            output.seek(sector * fat.SECTOR)
            output.write(content)
        output.truncate(volume.sectors * fat.SECTOR)
    return path, volume


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 40 << 20, fat.LARGE - 1, fat.LARGE, 700 << 20])
def test_volumes_are_what_others_take_for_fat32(size: int, tmp_path: Path) -> None:
    require(FSCK, "mcopy")
    path, volume = volume_file(tmp_path, size, b"begin"[:size])
    checked = subprocess.run([FSCK, "-n", "-v", path], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "32 bit entries" in checked.stdout
    assert f"4 files, {3 + -(-size // (volume.cluster_sectors * 512))}/{volume.clusters} clusters" in checked.stdout
    listed = subprocess.run(["mdir", "-b", "-/", "-i", path, "::"], capture_output=True, text=True, check=True)
    assert listed.stdout.splitlines() == ["::/EFI/", "::/EFI/BOOT/", "::/EFI/BOOT/BOOTX64.EFI"]
    content = subprocess.run(["mtype", "-i", path, "::/EFI/BOOT/BOOTX64.EFI"], capture_output=True, check=True).stdout
    assert (len(content), content[:5], any(content[5:])) == (size, b"begin"[:size], False)


def test_file_on_the_disk_is_an_application_for_x86_64(tmp_path: Path) -> None:
    require("mcopy", "objdump")
    image, application = tmp_path / "image", tmp_path / "app"
    archive = bytes(range(256)) * 40 + b"end"
    image.write_bytes(make_image(kernel().read_bytes(), archive))
    place = f"{image}@@{PARTITION_START * 512}"
    subprocess.run(["mcopy", "-i", place, "::/EFI/BOOT/BOOTX64.EFI", application], check=True)
    told = subprocess.run(["objdump", "-p", "-h", application], capture_output=True, text=True, check=True).stdout
    assert "file format pei-x86-64" in told
    assert re.search(r"Subsystem\s+0000000a\s+\(EFI application\)", told)
    assert "Warning" not in told and "relocations stripped" not in told
    for name, wanted in ((".kernel", load_kernel(kernel().read_bytes()).content), (".archive", archive)):
        found = re.search(rf"{name}\s+([0-9a-f]+)\s+([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)", told)
        assert found is not None
        size, address, offset = (int(number, 16) for number in found.groups())
        assert (address % 4096 == offset % 512 == 0 and size == len(wanted)) or size == -(-len(wanted) // 512) * 512
        assert application.read_bytes()[offset : offset + len(wanted)] == wanted


def test_what_is_too_large_is_refused() -> None:
    loaded = load_kernel(tiny_kernel().elf)
    with pytest.raises(DiskError, match="does not fit below 4 GiB"):
        archive_place(loaded, (4 << 30) - loaded.end)
    with pytest.raises(DiskError, match="less than 4 GiB"):
        fat.volume_for(efi.PATH, 4 << 30)


class Huge(io.BytesIO):
    """A file that says that it is larger than it is."""

    def seek(self, place: int, whence: int = 0) -> int:
        return 5 << 30 if whence == io.SEEK_END else super().seek(place, whence)


def test_refused_before_anything_is_written() -> None:
    output = io.BytesIO()
    with pytest.raises(DiskError):
        write_image(output, tiny_kernel().elf, Huge(), "")
    assert output.getvalue() == b""
