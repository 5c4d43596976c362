"""The compiler's pipeline on one page.

    source    live functions to syntax trees with locations        source.py
    resolve   names to objects, annotations to types               resolve.py, layout.py
    check     syntax trees to the typed tree                       check/
    lower     the typed tree to explicit control flow              lower/
    llvm      control flow to LLVM text, optimised, to an object   llvm/
    link      objects and stubs to addresses                       linker.py, stubs.py, lines.py
    image     addresses to an ELF file                             image.py

`compile_program` does all but the last two; `image.link` does those. Checking and lowering are done anew each time;
objects are cached by LLVM's text (`cache.py`), and all that follows the check of the functions is shared among
processes (`workers.py`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FunctionType
from typing import Any, cast

from codegen import check, stack_frames
from codegen.cache import ObjectCache
from codegen.collector import without_collection
from codegen.llvm.text import Modules
from codegen.objects import Program
from codegen.target import Target
from codegen.tree import CheckedProgram
from codegen.workers import Work, results_of

Progress = Callable[[str, int, int], None]
"""Called as progress(stage, done, total)."""


def compile_program(
    roots: Iterable[Callable[..., Any]],
    *,
    target: Target = Target.KERNEL,
    cache: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> Program:
    """Compile `roots` and all that they reach to one object per Python module.

    `meanwhile` is called while workers are at work: what else has to be got ready.
    """
    if progress:
        progress("check", 0, 1)
    with without_collection():
        unfinished, checked = check.check_functions(cast(list[FunctionType], list(roots)))
        work = Work(checked, unfinished, Modules(checked), target, ObjectCache(cache))
        return _finish(work, jobs or os.cpu_count() or 1, progress, meanwhile)


def compile_checked(checked: CheckedProgram, *, target: Target) -> Program:
    """Compile a program that is checked as a whole, in this process."""
    return _finish(Work(checked, None, Modules(checked), target, ObjectCache(None)), 1, None, lambda: None)


def _finish(work: Work, jobs: int, progress: Progress | None, meanwhile: Callable[[], object]) -> Program:
    """Make the objects; CompileError when the whole may not be compiled."""
    names = work.cache.longest_first(work.modules.names())
    objects = []
    with results_of(work, names, jobs) as results:
        meanwhile()
        check.raise_refused(results.refused())
        for made in results.objects():
            objects.append(made)
            if progress:
                progress("llvm", len(objects), len(names))
        attachments = results.attachments()
    work.cache.note_sizes(objects)
    objects.sort(key=lambda made: made.name)
    defined = {symbol.name for made in objects for symbol in made.symbols if symbol.section is not None}
    wanted = set[str]().union(*(made.undefined() for made in objects))
    attachments[stack_frames.SECTION] = stack_frames.encode(objects)
    return Program(tuple(objects), frozenset(wanted - defined), attachments)
