"""Objects made from LLVM text by hand, so that the linker is tested without the rest of the compiler."""

from __future__ import annotations

from dataclasses import replace

from codegen.dwarf import module_lines
from codegen.llvm.machine import emit_object
from codegen.objects import ObjectFile, Program, read_object
from codegen.target import Target

HEAD = 'target triple = "x86_64-unknown-none-elf"\n'


def object_of(name: str, text: str, target: Target = Target.USER) -> ObjectFile:
    """The object of a module of LLVM text."""
    content = emit_object(HEAD + text, target)
    return replace(read_object(name, content), lines=module_lines(content))


def program_of(*objects: ObjectFile) -> Program:
    return Program(objects, frozenset())
