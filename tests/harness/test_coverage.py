"""Which lines of the kernel ran: a log of QEMU and a kernel become a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.program_file import ProgramFile
from harness import coverage
from harness.build import ensure_kernel

LOG = """IN:
0xffffffff80{low:06x}:  55                       pushq    %rbp
0x0000000000401000:  90                       nop
"""
FUNCTION = "kernel.sched.timer.expire_sleepers"
FILE = "kernel/sched/timer.py"


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """A kernel, and a log in which all instructions of one function ran."""
    kernel = ensure_kernel()
    program = ProgramFile(kernel.read_bytes())
    (function,) = (symbol for symbol in program.functions if symbol.name == FUNCTION)
    ran = "".join(
        LOG.format(low=address & 0xFFFFFF)
        for address in coverage.instructions(program)
        if function.address <= address < function.address + len(function.code)
    )
    (tmp_path / "machine.log").write_text(ran)
    return [str(kernel), str(tmp_path)]


def test_only_what_ran_counts(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    coverage.main(arguments)
    rows = {line.split()[-1]: line.split()[:4] for line in capsys.readouterr().out.splitlines()}
    assert 0 < int(rows[FILE][1]) < int(rows[FILE][3])
    assert rows["kernel/files/pipe.py"][1] == "0"
    assert int(rows["all"][1]) >= int(rows[FILE][1])


def test_missing_lines_are_shown_with_their_text(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    coverage.main([*arguments, "sched/timer"])
    missing = capsys.readouterr().out.splitlines()
    assert missing and all(line.startswith(f"{FILE}:") for line in missing)
    body = [line for line in Path(FILE).read_text().splitlines() if "SLEEPERS.expire(now())" in line]
    assert body and not any(body[0].strip() in line for line in missing)
