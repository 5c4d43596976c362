"""`pithos compile`: the language outside of the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.needs import needs

TREE = Path(__file__).resolve().parents[2]
BLINK = TREE / "examples" / "blink.py"
LIGHTS = b"on\noff\n" * 3
needs_qemu = needs("qemu-system-x86_64")

HEAD = "from __future__ import annotations\nfrom codegen.lang import export, instruction, u8, u16\n"
PROGRAM = """
@instruction("outb %al, %dx", "{dx},{ax}")
def write_port(port: u16, value: u8) -> None: ...


@export
def main() -> None:
    write_port(0xF4, doubled(8))
"""


def compile_in(folder: Path, *arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[bytes]:
    """`pithos compile` in a folder outside of the tree."""
    command = [sys.executable, "-P", "-m", "harness.cli", "compile", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(TREE), **settings}
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=200, check=False
    )


@pytest.fixture
def blink(tmp_path: Path) -> Path:
    """A folder with a copy of the example."""
    (tmp_path / "blink.py").write_text(BLINK.read_text())
    return tmp_path


@needs_qemu
@pytest.mark.qemu
def test_blink_from_another_folder(blink: Path) -> None:
    done = compile_in(blink, "blink.py", "--run")
    assert (done.returncode, done.stdout, done.stderr) == (0, LIGHTS, b"")
    assert sorted(os.listdir(blink)) in (["blink.py"], ["__pycache__", "blink.py"])


@needs_qemu
@pytest.mark.qemu
def test_blink_by_an_installed_wheel(blink: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    made, installed = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("installed")
    source = tmp_path_factory.mktemp("source") / "tree"
    shutil.copytree(TREE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", ".*", "tests"))
    pip = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(made),
        str(source),
    ]
    built = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = made.iterdir()
    zipfile.ZipFile(wheel).extractall(installed)
    cache = tmp_path_factory.mktemp("cache")
    done = compile_in(blink, "blink.py", "--run", PYTHONPATH=str(installed), XDG_CACHE_HOME=str(cache))
    assert (done.returncode, done.stdout, done.stderr) == (0, LIGHTS, b"")
    assert list(cache.glob("pithos/*/cache"))


@needs_qemu
@pytest.mark.qemu
def test_modules_are_named_from_the_folder_of_pyproject(tmp_path: Path) -> None:
    folder = tmp_path / "lights"
    folder.mkdir()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "numbers_of_mine.py").write_text(f"{HEAD}\n\ndef doubled(number: u8) -> u8:\n    return number * 2\n")
    (folder / "start.py").write_text(f"{HEAD}from numbers_of_mine import doubled\n{PROGRAM}")
    done = compile_in(folder, "start.py", "-o", tmp_path / "kept.elf", "--run")
    assert (done.returncode, done.stdout, done.stderr) == (16, b"", b"")
    assert (tmp_path / "kept.elf").read_bytes()[:4] == b"\x7fELF"


def test_elf_file_is_beside_the_source(blink: Path) -> None:
    done = compile_in(blink.parent, blink / "blink.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (blink / "blink.elf").read_bytes()[:4] == b"\x7fELF"


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("a.py", None, "pithos: a.py: there is no such file\n"),
        ("a.txt", HEAD, "pithos: a.txt: the name of a module ends in .py\n"),
        ("a.py", HEAD, "pithos: a.py has no function main marked @export: the program begins there\n"),
        (
            "a.py",
            "def f(:\n",
            "pithos: a.py does not compile:\n{folder}/a.py:1:7: error: invalid syntax\n    def f(:\n          ^\n",
        ),
        (
            "a.py",
            f"{HEAD}\n\nprint(missing)\n",
            "pithos: a.py does not compile:\n"
            "{folder}/a.py:5:7: error: NameError: name 'missing' is not defined\n    print(missing)\n          ^\n",
        ),
        (
            "a.py",
            f"{HEAD}import nosuch\n",
            "pithos: a.py does not compile:\n"
            "{folder}/a.py:3:1: error: ModuleNotFoundError: No module named 'nosuch'\n    import nosuch\n    ^\n",
        ),
        (
            "a.py",
            f"{HEAD}\n\n@export\ndef main() -> u8:\n    return {{1: 2}}\n",
            "pithos: a.py does not compile:\n{folder}/a.py:7:12: error: a dict cannot be compiled\n"
            "        return {{1: 2}}\n               ^^^^^^\n"
            "    hint: use a tuple of constants and a loop, or an Array\n",
        ),
        (
            "a-b.py",
            HEAD,
            "pithos: 'a-b' cannot be part of the name of a module: letters, digits and _ can\n",
        ),
        (
            "struct.py",
            HEAD,
            "pithos: {folder}/struct has the name of a module of Python or Pithos: choose another one\n",
        ),
        (
            "kernel.py",
            HEAD,
            "pithos: {folder}/kernel has the name of a module of Python or Pithos: choose another one\n",
        ),
    ],
)
def test_refusals(tmp_path: Path, name: str, text: str | None, complaint: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    done = compile_in(tmp_path, name)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (125, b"", complaint.format(folder=tmp_path))


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        ("none/out.elf", "pithos: none/out.elf: there is no directory none\n"),
        (".", "pithos: . is a directory: give the name of a file\n"),
    ],
)
def test_refused_outputs(tmp_path: Path, output: str, complaint: str) -> None:
    (tmp_path / "a.py").write_text(HEAD)
    done = compile_in(tmp_path, "a.py", "-o", output)
    assert (done.returncode, done.stderr.decode()) == (125, complaint)
    assert [path.name for path in tmp_path.iterdir()] == ["a.py"]
