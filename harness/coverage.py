"""Which lines of the kernel ran: from the addresses that QEMU translated (`-d in_asm`), by the kernel's line table.

    pytest tests/system/test_fuzz.py --kernel-coverage FOLDER     runs tests, and keeps QEMU's logs there
    python -m harness.coverage build/pithos.elf FOLDER            how much of each file ran
    python -m harness.coverage build/pithos.elf FOLDER NAME...    the lines of files that did not, by part of the names

QEMU logs a block when it translates it, and translates what is about to run: so a line that is listed ran, or shares a
block of straight code with one that did. Lines that the compiler left out, or checks that it proved, do not count.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import capstone

from codegen.lines import ASSEMBLY, LineReader
from codegen.program_file import ProgramFile

KERNEL_ADDRESS = re.compile(rb"^0x(ffffffff8[0-9a-f]{7}):", re.MULTILINE)
PIECE = 1 << 24

Line = tuple[str, int]
"""A file and the number of a line in it."""


def addresses_in(log: Path) -> set[int]:
    """The kernel's instructions in a log of QEMU."""
    found: set[int] = set()
    with log.open("rb") as file:
        while piece := file.read(PIECE):
            piece += file.readline()
            found.update(int(address, 16) for address in KERNEL_ADDRESS.findall(piece))
    return found


def instructions(program: ProgramFile) -> Iterator[int]:
    """The address of every instruction of the program."""
    disassembler = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    for function in program.functions:
        for address, *_ in disassembler.disasm_lite(function.code, function.address):
            yield address


def lines_of(addresses: Iterable[int], lines: LineReader) -> set[Line]:
    """The lines that these instructions were made from: the innermost, and the calls that were inlined."""
    found: set[Line] = set()
    for address in addresses:
        found.update((frame.file, frame.line) for frame in lines.frames(address) if frame.file != ASSEMBLY)
    return found


def by_file(lines: Iterable[Line]) -> dict[str, set[int]]:
    """The numbers of the lines of each file."""
    found: dict[str, set[int]] = defaultdict(set)
    for file, line in lines:
        found[file].add(line)
    return found


def table(all_lines: dict[str, set[int]], reached: dict[str, set[int]]) -> Iterator[str]:
    """How much of each file ran, the least first."""
    rows = sorted((len(reached[file] & lines) / len(lines), file) for file, lines in all_lines.items())
    for share, file in rows:
        yield f"{share:5.0%}  {len(reached[file]):5} of {len(all_lines[file]):5}  {file}"
    total, done = (sum(len(lines) for lines in some.values()) for some in (all_lines, reached))
    yield f"{done / total:5.0%}  {done:5} of {total:5}  all"


def missed(all_lines: dict[str, set[int]], reached: dict[str, set[int]], names: list[str]) -> Iterator[str]:
    """The lines that did not run."""
    for file, lines in sorted(all_lines.items()):
        if any(name in file for name in names):
            source = Path(file).read_text().splitlines()
            for line in sorted(lines - reached[file]):
                yield f"{file}:{line}: {source[line - 1].strip()}"


def main(arguments: list[str]) -> None:
    """Print the table, or the lines that are missing in it."""
    program = ProgramFile(Path(arguments[0]).read_bytes())
    reader = program.line_reader()
    addresses: set[int] = set()
    for log in sorted(Path(arguments[1]).iterdir()):
        addresses |= addresses_in(log)
    all_lines = by_file(lines_of(instructions(program), reader))
    reached = by_file(lines_of(addresses, reader))
    chosen = arguments[2:]
    for text in missed(all_lines, reached, chosen) if chosen else table(all_lines, reached):
        print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
