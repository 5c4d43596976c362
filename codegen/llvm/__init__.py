"""From graphs to LLVM: `module_text` makes the text of one Python module, `emit_object` its ELF object."""

from __future__ import annotations

from codegen.llvm.dump import dump as dump
from codegen.llvm.machine import emit_assembly as emit_assembly
from codegen.llvm.machine import emit_object as emit_object
from codegen.llvm.machine import optimise as optimise
from codegen.llvm.text import llvm_type as llvm_type
from codegen.llvm.text import module_text as module_text
