"""Interpreter scripts: `#!interpreter [optional-argument]` (execve(2)).

The arguments of the script `path a b` become `interpreter [optional-argument] path a b`.
"""

from __future__ import annotations

from codegen.lang import Fallible, Slice, deferred, local, local_array, u8, u64
from kernel.base.errno import EACCES, ELOOP, ENOEXEC
from kernel.base.text import index_of, starts_with
from kernel.files.execution import read_executable
from kernel.process.arguments import Arguments
from kernel.process.program import Program, drop_file, open_program

LINE_MAX: u64 = 256
"""BINPRM_BUF_SIZE: how much of the first line counts."""
DEPTH_MAX: u64 = 5
NEWLINE: u8 = 0x0A
SPACE: u8 = 0x20
TAB: u8 = 0x09


def resolve_scripts(program: Program, path: Slice[u8]) -> Fallible[None]:
    """Replace scripts by their interpreters, with arguments to match, until the file is no script. ELOOP."""
    line = local_array(u8, LINE_MAX)
    name = local_array(u8, LINE_MAX)
    name_length: u64 = 0
    for depth in range(DEPTH_MAX + 1):
        file = program.file
        assert file is not None, "the caller opened it"
        length = read_executable(file.inode, 0, line)
        if not starts_with(line[0:length], b"#!"):
            return
        if depth == DEPTH_MAX:
            raise ELOOP
        line_end = end_of_line(line[0:length])
        if length == LINE_MAX and is_cut_off(line):
            raise ENOEXEC
        start = skip_blanks(line[0:line_end], 2)
        end = end_of_word(line[0:line_end], start)
        if start == end:
            raise EACCES if has_empty_name(line[0:length]) else ENOEXEC
        option = skip_blanks(line[0:line_end], end)
        script = path if depth == 0 else name[0:name_length]
        replace_arguments(program.arguments, line[start:end], line[option:line_end], script)
        interpreter = open_program(program, line[start:end])
        drop_file(program)
        program.file = interpreter
        name_length = end - start
        for index in range(name_length):
            name[index] = line[start + index]


def replace_arguments(
    arguments: Arguments, interpreter: Slice[u8], option: Slice[u8], script: Slice[u8]
) -> Fallible[None]:
    """Put the interpreter, its option if there is one, and the script's path in place of the first argument."""
    made = local(Arguments)
    made.prepare(arguments.heap)
    with deferred(made.release):
        made.add(interpreter)
        made.argument_count = 1
        if len(option) > 0:
            made.add(option)
            made.argument_count += 1
        made.add(script)
        made.argument_count += 1
        made.take_after_first(arguments)
        arguments.exchange(made)


def end_of_line(line: Slice[u8]) -> u64:
    """Where the first line ends, without blanks at its end."""
    end: u64 = 0
    while end < min(u64(len(line)), LINE_MAX - 1) and line[end] != NEWLINE and line[end] != 0:
        end += 1
    while end > 2 and (line[end - 1] == SPACE or line[end - 1] == TAB):
        end -= 1
    return end


def is_cut_off(line: Slice[u8]) -> bool:
    """Whether the first line does not end in what was read, and the interpreter's path may not either."""
    if index_of(line, NEWLINE) < len(line):
        return False
    start = skip_blanks(line, 2)
    return end_of_word(line, start) == len(line) and index_of(line[start : len(line)], 0) == len(line) - start


def has_empty_name(line: Slice[u8]) -> bool:
    """Whether behind the blanks a name of no bytes ends, with the file or by a NUL: that is the working directory."""
    start = skip_blanks(line, 2)
    return start < LINE_MAX - 1 and (start >= len(line) or line[start] == 0)


def skip_blanks(line: Slice[u8], start: u64) -> u64:
    """The first place from `start` on that is no blank."""
    while start < len(line) and (line[start] == SPACE or line[start] == TAB):
        start += 1
    return start


def end_of_word(line: Slice[u8], start: u64) -> u64:
    """The first blank from `start` on."""
    while start < len(line) and line[start] != SPACE and line[start] != TAB:
        start += 1
    return start
