"""From graphs to LLVM: `lower_module` makes the text of one Python module, `emit_object` its ELF object."""

from __future__ import annotations

from codegen.llvm.dump import dump as dump
from codegen.llvm.machine import emit_assembly as emit_assembly
from codegen.llvm.machine import emit_object as emit_object
from codegen.llvm.machine import optimise as optimise
from codegen.llvm.text import LoweredModule as LoweredModule
from codegen.llvm.text import Modules as Modules
from codegen.llvm.text import llvm_type as llvm_type
from codegen.llvm.text import lower_module as lower_module
from codegen.llvm.text import module_text as module_text
