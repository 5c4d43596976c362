"""From the LLVM text of a module to its object file, with all that is read from that once: lines and stack frames.

What is made depends on nothing but the text, the target, and `cache.compiler_fingerprint`.
"""

from __future__ import annotations

from dataclasses import replace

from codegen.dwarf import module_lines
from codegen.llvm.machine import emit_object
from codegen.objects import ObjectFile, read_object
from codegen.stack_frames import object_frames
from codegen.target import Target


def object_of(module: str, text: str, target: Target) -> ObjectFile:
    """Let LLVM make the object of a module, and take it apart."""
    content = emit_object(text, target)
    made = read_object(module, content)
    return replace(made, lines=module_lines(content), frames=object_frames(made))
