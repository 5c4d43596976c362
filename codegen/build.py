"""The compiler's pipeline on one page.

    source    live functions to syntax trees with locations        source.py
    resolve   names to objects, annotations to types               resolve.py, layout.py
    check     syntax trees to the typed tree                       check/
    lower     the typed tree to explicit control flow              lower/
    llvm      control flow to LLVM text, optimised, to an object   llvm/
    link      objects and stubs to addresses                       linker.py, stubs.py, lines.py
    image     addresses to an ELF file                             image.py

`compile_program` does all but the last two; `image.link` does those. Source, resolve and check see the
whole program at once and run in this process. Lower and llvm see one module at a time and run in workers,
which are forked after checking so that they have the checked program already; what they make is cached by
its LLVM text.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType
from typing import Any, cast

from codegen import llvm
from codegen.cache import ObjectCache
from codegen.call_graph import CallGraph
from codegen.check import check_program
from codegen.dwarf import module_lines
from codegen.objects import ObjectFile, Program, read_object
from codegen.target import Target
from codegen.tree import CheckedProgram

Progress = Callable[[str, int, int], None]
"""Called as progress(stage, done, total)."""

FORK_THRESHOLD = 3
"""Below this number of modules workers cost more than they save."""


def compile_program(
    roots: Iterable[Callable[..., Any]],
    *,
    target: Target = Target.KERNEL,
    cache: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Program:
    """Compile `roots` and all that they reach to one object per Python module."""
    if progress:
        progress("check", 0, 1)
    with _without_collection():
        checked = check_program(cast(list[FunctionType], list(roots)))
        return compile_checked(checked, target=target, cache=cache, jobs=jobs, progress=progress)


@contextmanager
def _without_collection() -> Iterator[None]:
    """Trees grow and are all kept: the cyclic collector finds nothing, in two fifths of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def compile_checked(
    checked: CheckedProgram,
    *,
    target: Target,
    cache: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Program:
    """Lower a checked program and make its objects."""
    modules = module_names(checked)
    work = _Work(checked, target, ObjectCache(cache))
    objects = []
    for done, made in enumerate(_each_object(work, modules, jobs or os.cpu_count() or 1), 1):
        objects.append(made)
        if progress:
            progress("llvm", done, len(modules))
    objects.sort(key=lambda made: made.name)
    defined = {symbol.name for made in objects for symbol in made.symbols if symbol.section is not None}
    wanted = set[str]().union(*(made.undefined() for made in objects))
    return Program(tuple(objects), frozenset(wanted - defined), CallGraph(checked).calls)


def module_names(checked: CheckedProgram) -> list[str]:
    """The modules that get an object, those with most functions first: they take longest."""
    weights: dict[str, int] = {}
    for static in checked.statics:
        weights[static.module] = weights.get(static.module, 0) + 1
    for function in checked.functions:
        if function.body is not None:
            weights[function.module] = weights.get(function.module, 0) + 10
    return sorted(weights, key=lambda name: (-weights[name], name))


@dataclass(frozen=True)
class _Work:
    """What a worker has: it is inherited by fork, never sent."""

    checked: CheckedProgram
    target: Target
    cache: ObjectCache

    def make(self, module: str) -> ObjectFile:
        """The object of one module, out of the cache when its LLVM text is the same as before."""
        text = llvm.module_text(module, self.checked, self.target)
        key = self.cache.key(module, self.target.name, text)
        made = self.cache.load(key)
        if made is None:
            content = llvm.emit_object(text, self.target)
            made = replace(read_object(module, content), lines=module_lines(content))
            self.cache.save(key, made)
        return made


_inherited: list[_Work] = []


def _make_inherited(module: str) -> ObjectFile:
    return _inherited[-1].make(module)


def _each_object(work: _Work, modules: list[str], jobs: int) -> Iterator[ObjectFile]:
    if jobs == 1 or len(modules) < FORK_THRESHOLD:
        yield from map(work.make, modules)
        return
    _inherited.append(work)
    gc.freeze()  # keep the collector from touching, and so copying, the pages that workers share
    try:
        with multiprocessing.get_context("fork").Pool(min(jobs, len(modules))) as pool:
            yield from pool.imap_unordered(_make_inherited, modules)
    finally:
        _inherited.pop()
        gc.unfreeze()
