"""docs/boot-by-hand.md: the same image and kernel without QEMU's own loaders: GRUB, and Bochs instead of QEMU."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.boot.test_by_hand import SAID, WITHOUT_SCREEN, command_image, kernel, root, run, standalone
from tests.boot.tiny import needs_qemu
from tests.needs import require
from tests.system.shell import Screen

__all__ = ["command_image", "root"]
pytestmark = pytest.mark.qemu

BOCHS_FILES = "/usr/share/bochs"
BOCHS_SCREEN = "/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so"


@needs_qemu
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_grub(root: Path, tmp_path: Path, machine: str) -> None:
    require("grub-mkrescue", "/usr/lib/grub/i386-pc", "xorriso", "mcopy")
    folder = tmp_path / "disk" / "boot"
    (folder / "grub").mkdir(parents=True)
    shutil.copy(kernel(), folder / "pithos.elf")
    standalone(root, folder).rename(folder / "pithos.archive")
    (folder / "grub" / "grub.cfg").write_text(
        "set timeout=0\n"
        'menuentry "Pithos" {\n'
        "    multiboot2 /boot/pithos.elf quiet standalone\n"
        "    module2 /boot/pithos.archive\n"
        "}\n"
    )
    image = tmp_path / "grub.iso"
    subprocess.run(["grub-mkrescue", "-o", image, tmp_path / "disk"], check=True, capture_output=True)
    status, console = run(*WITHOUT_SCREEN, "-M", machine, "-smp", "2", "-cdrom", image)
    assert (status, SAID in console, "pages of memory" in console) == (0, True, False)


def test_multiboot_header_is_where_loaders_look() -> None:
    require("grub-file")
    assert subprocess.run(["grub-file", "--is-x86-multiboot2", kernel()], check=False).returncode == 0


def test_bochs(command_image: Path, tmp_path: Path) -> None:
    require("bochs", f"{BOCHS_FILES}/BIOS-bochs-latest", f"{BOCHS_FILES}/VGABIOS-lgpl-latest", BOCHS_SCREEN)
    settings, console = tmp_path / "bochsrc", tmp_path / "console"
    settings.write_text(
        "megs: 128\n"
        "cpu: count=1, ips=100000000\n"
        f"romimage: file={BOCHS_FILES}/BIOS-bochs-latest\n"
        f"vgaromimage: file={BOCHS_FILES}/VGABIOS-lgpl-latest\n"
        "ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14\n"
        f"ata0-master: type=disk, path={command_image}, mode=flat\n"
        "boot: disk\n"
        f"com1: enabled=1, mode=file, dev={console}\n"
        "sound: driver=dummy, waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy\n"
        f"display_library: term\nlog: {tmp_path / 'log'}\n"
    )
    (tmp_path / "go").write_text("continue\n")
    with Screen(["bochs", "-q", "-f", settings, "-rc", tmp_path / "go"], TERM="xterm") as bochs:
        bochs.end()
    assert SAID in console.read_text()
