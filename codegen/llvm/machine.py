"""LLVM itself: verifying, optimising and emitting one module of text."""

from __future__ import annotations

import functools

import llvmlite.binding as llvm

from codegen.target import FEATURES, TRIPLE, Target


@functools.cache
def _target_machine(target: Target) -> llvm.TargetMachine:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    llvm.initialize_native_asmparser()  # for inline assembly
    return llvm.Target.from_triple(TRIPLE).create_target_machine(
        cpu="x86-64", features=FEATURES, opt=2, reloc="static", codemodel=target.value
    )


def optimise(text: str, target: Target) -> llvm.ModuleRef:
    """Verify the text and run LLVM's O2 pipeline, without vectorisation: there are no vector registers."""
    machine = _target_machine(target)
    module = llvm.parse_assembly(text, llvm.create_context())
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = False
    options.slp_vectorization = False
    options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return module


def emit_object(text: str, target: Target) -> bytes:
    """The ELF object of a module."""
    return bytes(_target_machine(target).emit_object(optimise(text, target)))


def emit_assembly(text: str, target: Target) -> str:
    """The assembly of a module, for `--dump=asm`."""
    return str(_target_machine(target).emit_assembly(optimise(text, target)))
