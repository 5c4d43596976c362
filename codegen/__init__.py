"""The compiler of the kernel language; `codegen.lang` is what kernel modules import.

    run(function, *arguments)         compile a function and call it in the CPU emulator
    compile_program(roots, ...)       roots and all they reach, to one object per module
    link(program, stubs=..., ...)     objects and stubs, to an `Image`

The parts are imported when they are first asked for: a kernel module that imports `codegen.lang` does not
load LLVM.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codegen.build import compile_program as compile_program
    from codegen.diagnostics import CompileError as CompileError
    from codegen.emulate import run as run
    from codegen.image import Image as Image
    from codegen.image import Note as Note
    from codegen.image import link as link
    from codegen.lang import Panic as Panic
    from codegen.objects import LinkError as LinkError
    from codegen.objects import Program as Program
    from codegen.stubs import Stub as Stub
    from codegen.stubs import Symbols as Symbols

_HOMES = {
    "CompileError": "diagnostics",
    "Image": "image",
    "LinkError": "objects",
    "Note": "image",
    "Panic": "lang",
    "Program": "objects",
    "Stub": "stubs",
    "Symbols": "stubs",
    "compile_program": "build",
    "link": "image",
    "run": "emulate",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'codegen' has no attribute {name!r}")
    return getattr(importlib.import_module(f"codegen.{_HOMES[name]}"), name)
