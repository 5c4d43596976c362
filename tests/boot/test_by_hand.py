"""docs/boot-by-hand.md, as a person does it: images that run a shell by themselves, started without the harness."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.rootfs import NoBusybox, make_rootfs
from harness.standalone import arguments_of
from tests.boot.tiny import needs_qemu
from tests.system.shell import Screen

QEMU = "qemu-system-x86_64"
PLAIN = (QEMU, "-nographic")
EXIT_DEVICE = ("-device", "isa-debug-exit,iobase=0xf4,iosize=4")
PROMPT = b"/ # "
CTRL_C, CTRL_Z = b"\x03", b"\x1a"
COMMAND = "sh -c 'echo I am $(id -u) at $HOSTNAME; exit 5'"
SAID = "I am 0 at pithos"
pytestmark = [pytest.mark.qemu, needs_qemu]


def pithos(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`pithos` to its end."""
    command = [sys.executable, "-m", "harness.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root file system."""
    folder = tmp_path_factory.mktemp("root")
    try:
        make_rootfs(folder)
    except NoBusybox as reason:
        pytest.skip(str(reason))
    return folder


@pytest.fixture(scope="module")
def shell_image(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with a shell."""
    image = tmp_path_factory.mktemp("image") / "shell.img"
    done = pithos("build", "--rootfs", root, "-o", image)
    assert (done.returncode, done.stderr) == (
        0,
        f"pithos: qemu-system-x86_64 -nographic -drive file={image},format=raw\n",
    )
    return image


@pytest.fixture(scope="module")
def command_image(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image that runs COMMAND."""
    image = tmp_path_factory.mktemp("image") / "command.img"
    assert pithos("build", "--rootfs", root, "--command", COMMAND, "-o", image).returncode == 0
    return image


def drive(image: Path) -> tuple[str, str]:
    """The option of QEMU for a raw disk."""
    return "-drive", f"file={image},format=raw"


@pytest.fixture
def shell(shell_image: Path) -> Iterator[Screen]:
    """The image in a plain QEMU, in a terminal of 33 rows and 101 columns, at its first prompt."""
    with Screen([*PLAIN, *EXIT_DEVICE, *drive(shell_image)], 33, 101, tells_size=True) as screen:
        screen.expect(PROMPT)
        yield screen


def test_shell_has_a_terminal_with_jobs_and_a_size(shell: Screen) -> None:
    assert shell.command(b"stty size; tty") == b"33 101\r\n/dev/console\r\n"
    assert shell.command(b"echo $HOME $TERM $HOSTNAME $$") == b"/root xterm pithos 1\r\n"
    shell.start(b"sleep 1000")
    shell.press_until(CTRL_Z, b"Stopped")
    shell.expect(PROMPT)
    shell.type(b"fg\r")
    shell.expect(b"sleep 1000\r\n")
    shell.press_until(CTRL_C, b"^C\r\n" + PROMPT)
    assert shell.command(b"echo $?") == b"130\r\n"
    shell.type(b"exit 7\r")
    assert shell.end() == 7 * 2 + 1
    assert b"\r\npithos: the first process ended with status 7\r\n" in shell.seen


def test_second_container_from_inside(shell: Screen) -> None:
    assert shell.command(b"ctr run -d --name jar / sleep 1000") == b"3\r\n"
    assert b" jar\r\n" in shell.command(b"ctr ps")
    shell.type(b"ctr exec -it jar sh\r")
    shell.expect(PROMPT)
    assert shell.command(b"stty size; hostname") == b"33 101\r\njar\r\n"
    shell.type(b"exit 4\r")
    shell.expect(PROMPT)
    assert shell.command(b"echo $?; ctr rm -f jar; ctr ps -a | wc -l") == b"4\r\n1\r\n"


def run(*command: str | Path, given: bytes = b"") -> tuple[int, str]:
    """Run QEMU to its end; its status, and what it wrote."""
    done = subprocess.run(list(map(str, command)), input=given, capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace").replace("\r\n", "\n") + done.stderr.decode()


WITHOUT_SCREEN = (QEMU, "-display", "none", "-monitor", "none", "-serial", "stdio")


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_end_of_the_command_is_that_of_the_machine(command_image: Path, machine: str) -> None:
    """By ACPI; or with its status, where there is a device for that."""
    status, console = run(*WITHOUT_SCREEN, "-M", machine, *drive(command_image))
    assert (status, SAID in console) == (0, True)
    status, console = run(*WITHOUT_SCREEN, "-M", machine, *EXIT_DEVICE, *drive(command_image))
    assert (status, SAID in console) == (11, True)


def test_second_serial_port_without_a_host(command_image: Path) -> None:
    """Nobody answers there within a second."""
    status, console = run(*WITHOUT_SCREEN, "-serial", "null", *drive(command_image))
    assert (status, SAID in console) == (0, True)


def test_piped_input_is_typed(shell_image: Path) -> None:
    """What comes while the terminal is asked for its size is not lost; of what waits at the start, one byte is."""
    status, console = run(*WITHOUT_SCREEN, *EXIT_DEVICE, *drive(shell_image), given=b"\necho $((6*7))\nexit 3\n")
    assert (status, "\n42\n" in console) == (7, True)


KERNEL_MACHINES = {
    "microvm": ("-M", "microvm"),
    "microvm without a BIOS": ("-M", "microvm,pic=on,pit=on,rtc=on", "-bios", "qboot.rom"),
    "pc": ("-M", "pc"),
    "q35": ("-M", "q35", "-smp", "2"),
}


@pytest.mark.parametrize("machine", KERNEL_MACHINES.values(), ids=KERNEL_MACHINES)
def test_kernel_and_archive(root: Path, machine: tuple[str, ...], tmp_path: Path) -> None:
    archive = standalone(root, tmp_path)
    start = ("-kernel", kernel(), "-initrd", archive, "-append", "standalone quiet")
    status, console = run(*WITHOUT_SCREEN, *machine, "-serial", "null", *start)
    assert (status, SAID in console, "pages of memory" in console) == (0, True, False)


def kernel() -> Path:
    """build/pithos.elf."""
    from harness.build import ensure_kernel

    return ensure_kernel()


def standalone(root: Path, folder: Path, command: str = COMMAND) -> Path:
    """A boot archive that runs `command`, in `folder`."""
    from harness.standalone import standalone_archive

    path = folder / "archive"
    path.write_bytes(standalone_archive(root, command).read_bytes())
    return path


def test_archive_of_the_harness_says_that_it_needs_a_host(root: Path, tmp_path: Path) -> None:
    from harness.build import write_archive

    archive = write_archive({"root": root}, print)
    status, console = run(*WITHOUT_SCREEN, *EXIT_DEVICE, "-kernel", kernel(), "-initrd", archive)
    assert (status, "no host answers, and this boot archive has no program to run without one" in console) == (5, True)


def test_image_without_a_root_says_so(tmp_path: Path) -> None:
    from harness.build import ensure_ctr, write_archive

    archive = write_archive({}, print, {"ctr": ensure_ctr()})
    status, console = run(*WITHOUT_SCREEN, *EXIT_DEVICE, "-kernel", kernel(), "-initrd", archive)
    assert (status, "this image has no root file system" in console) == (251, True)


def test_command_that_is_not_there(root: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    assert pithos("build", "--rootfs", root, "--command", "nosuch", "-o", image).returncode == 0
    status, console = run(*WITHOUT_SCREEN, *EXIT_DEVICE, *drive(image))
    assert (status, "ctr: nosuch: No such file or directory\n" in console) == (255, True)


def test_words_of_the_command() -> None:
    assert arguments_of("sh -c 'a b' \"\"") == b"sh\0-c\0a b\0\0"


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("'", 'pithos: --command "\'": No closing quotation\n'),
        (" ", "pithos: --command ' ': there is no command in it\n"),
    ],
)
def test_refusals_are_one_line(root: Path, command: str, complaint: str) -> None:
    done = pithos("build", "--rootfs", root, "--command", command)
    assert (done.returncode, done.stderr) == (125, complaint)


def test_only_files_are_replaced_by_an_image(root: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refused = {
        tmp_path / "pipe": f"pithos: {tmp_path}/pipe is no file: give the name of one\n",
        tmp_path / "none/my.img": f"pithos: {tmp_path}/none/my.img: there is no directory {tmp_path}/none\n",
    }
    for image, complaint in refused.items():
        done = pithos("build", "--rootfs", root, "-o", image)
        assert (done.returncode, done.stderr) == (125, complaint)
    assert (tmp_path / "pipe").is_fifo() and not (tmp_path / "none").exists()


def test_ctr_is_put_where_the_root_has_room(root: Path, tmp_path: Path) -> None:
    """`usr` may be a link, as in merged roots, or ctr be there already: then it stays as it is."""
    folder = tmp_path / "root"
    (folder / "bin").mkdir(parents=True)
    (folder / "usr").symlink_to("bin")
    done = pithos("build", "--rootfs", folder, "-o", tmp_path / "image")
    assert done.returncode == 0
    assert "no images/root/usr/local/bin/ctr in the boot archive: a part of the path is no directory" in done.stderr
