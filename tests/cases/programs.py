"""The cases: small programs in C that once fell short, found by listing the folders, and how each is to be run.

A case checks what it sees (case.h): it prints `BAD …` and ends with 1 where something is not right. Those of `linux/`
hold on Linux, too, and are run there as well; those of `containers/` make containers. Lines of the first comment that
begin with one of these words say more:

    arguments: 1 | 2 3    run once for each, separated by bars
    processors: 2         of the machine
    copies: yield         a copy of the kernel that faults lets other threads run first, as if it slept
    host: no, because …   what it checks cannot be had on the Linux that the tests run on
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
KINDS = ("linux", "containers")
FIRST_COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)


@dataclass(frozen=True)
class Case:
    """One run of a program."""

    kind: str
    name: str
    arguments: tuple[str, ...] = ()
    processors: int = 1
    copies_yield: bool = False
    runs_on_host: bool = True

    @property
    def title(self) -> str:
        """What the test is called."""
        return "-".join((self.name, *self.arguments))

    @property
    def command(self) -> tuple[str, ...]:
        """The program, where the root file system of the tests has it, and its arguments."""
        return (f"/bin/{program_name(self.kind, self.name)}", *self.arguments)


def program_name(kind: str, name: str) -> str:
    """What the compiled program is called."""
    return f"case-{kind}-{name}"


def said(comment: str, word: str) -> str:
    """What the line of a comment that begins with `word` says; empty without one."""
    found = re.search(rf"^\W*{word}:[ \t]*(.*?)[ \t]*$", comment, re.MULTILINE)
    return "" if found is None else found[1]


def read_cases(source: Path) -> list[Case]:
    """The runs that the first comment of a source file asks for."""
    match = FIRST_COMMENT.search(source.read_text())
    comment = "" if match is None else match[1]
    kind = source.parent.name
    runs_on_host = kind == "linux" and not said(comment, "host").startswith("no")
    processors = int(said(comment, "processors") or 1)
    copies_yield = said(comment, "copies") == "yield"
    return [
        Case(kind, source.stem, tuple(arguments.split()), processors, copies_yield, runs_on_host)
        for arguments in said(comment, "arguments").split("|")
    ]


def sources() -> list[Path]:
    """The source files of all cases."""
    return [source for kind in KINDS for source in sorted((FOLDER / kind).glob("*.c"))]


CASES = [case for source in sources() for case in read_cases(source)]


def compile_cases(folder: Path) -> None:
    """Compile all cases, statically, to /bin of the root file system `folder`; none where there is no compiler."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return
    for source in sources():
        output = folder / "bin" / program_name(source.parent.name, source.stem)
        command = [compiler, "-O1", "-w", "-static", "-pthread", f"-I{FOLDER}", "-o", str(output), str(source)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0 and "error:" in done.stderr:
            raise ValueError(f"{source} does not compile:\n{done.stderr}")
