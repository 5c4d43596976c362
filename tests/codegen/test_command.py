"""`python -m codegen`: a program that runs on Linux, dumps of every stage, and errors as source and caret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from codegen.__main__ import STAGES, main
from codegen.listing import main as listing
from codegen.program_file import ProgramFile
from codegen.root import ROOT
from codegen.sizes import main as sizes
from user.build import build
from user.true.main import user_main

GOOD = ROOT / "user/true/main.py"
BAD = ROOT / "tests/codegen/bad_example.py"


def command(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["build", *map(str, arguments)])


def test_it_writes_an_elf_file_with_the_exported_function(tmp_path: Path) -> None:
    result = command(GOOD, "-o", tmp_path / "out.elf")
    assert (result.exit_code, result.output) == (0, "")
    program = ProgramFile((tmp_path / "out.elf").read_bytes())
    assert [function.name for function in program.functions] == ["user_main"]


def test_a_linked_program_runs_on_linux(tmp_path: Path) -> None:
    path = tmp_path / "true"
    path.write_bytes(build(user_main))
    path.chmod(0o755)
    if sys.platform != "linux":
        pytest.skip("needs Linux on x86-64")
    assert subprocess.run([path], timeout=10, check=False).returncode == 0


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        ("tree", "user_main(stack: u64) -> None"),
        ("cfg", "entry:"),
        ("llvm", "define dso_local"),
        ("asm", "pushq\t%rbp"),
        ("symbols", " user_main\n"),
    ],
)
def test_every_stage_can_be_dumped(stage: str, text: str, tmp_path: Path) -> None:
    result = command(GOOD, "--dump", stage, "-o", tmp_path / "out.elf")
    assert result.exit_code == 0
    assert text in result.output
    assert stage in STAGES


def test_an_error_is_shown_with_source_caret_and_hint() -> None:
    result = command(BAD)
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0] == "tests/codegen/bad_example.py:10:16: error: u64 and i64 differ in sign"
    assert lines[1:3] == ["        return u32(a + b)", "                   ^^^^^"]
    assert lines[3].strip().startswith("hint: ")
    assert lines[-1] == "1 error"


def test_a_file_outside_of_the_tree_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lost.py").write_text("")
    result = command(tmp_path / "lost.py")
    assert result.exit_code == 1
    assert "outside of the tree" in result.output


def test_listing_and_sizes_read_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "true.elf"
    path.write_bytes(build(user_main))
    listing([str(path), str(tmp_path / "listing")])
    text = (tmp_path / "listing" / "user.true.main.lst").read_text()
    assert "user/true/main.py:9 user_main: def user_main(stack: u64) -> None:" in text
    assert "push     rbp" in text
    sizes([str(path)])
    output = capsys.readouterr().out
    assert ".text" in output
    assert "user_main" in output


def test_two_builds_are_the_same_byte_for_byte(tmp_path: Path) -> None:
    """In processes of their own: nothing may hang on the order of a set or on an address."""
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "codegen", "build", "user/agent/main.py", "-o", str(tmp_path / seed)]
        subprocess.run(command, cwd=ROOT, check=True, timeout=60, env={"PYTHONHASHSEED": seed})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
