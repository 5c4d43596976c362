"""The compiler's pipeline on one page.

    source    live functions to syntax trees with locations        source.py
    resolve   names to objects, annotations to types               resolve.py, layout.py
    check     syntax trees to the typed tree                       check/
    lower     the typed tree to explicit control flow              lower/
    llvm      control flow to LLVM text, optimised, to an object   llvm/
    link      objects and stubs to addresses                       linker.py, stubs.py, lines.py
    image     addresses to an ELF file                             image.py

`compile_program` does all but the last two; `image.link` does those. Everything up to LLVM's text is done anew each
time, in this process; objects are cached by that text, and made in workers where several are missing.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType
from typing import Any, cast

from codegen import call_graph, llvm, raising
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
    count = len(module_names(checked))
    objects = []
    for made in _each_object(checked, target, ObjectCache(cache), jobs or os.cpu_count() or 1):
        objects.append(made)
        if progress:
            progress("llvm", len(objects), count)
    objects.sort(key=lambda made: made.name)
    defined = {symbol.name for made in objects for symbol in made.symbols if symbol.section is not None}
    wanted = set[str]().union(*(made.undefined() for made in objects))
    attachments = {
        call_graph.SECTION: call_graph.encode(CallGraph(checked).calls),
        raising.SECTION: raising.encode(raising.find(checked)),
    }
    return Program(tuple(objects), frozenset(wanted - defined), attachments)


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
class _Task:
    """A module whose object has to be made."""

    module: str
    text: str
    target: Target

    def run(self) -> ObjectFile:
        """Let LLVM make the object, and read it."""
        content = llvm.emit_object(self.text, self.target)
        return replace(read_object(self.module, content), lines=module_lines(content))


def _each_object(checked: CheckedProgram, target: Target, cache: ObjectCache, jobs: int) -> Iterator[ObjectFile]:
    """The object of every module, those first that the cache has: their LLVM text is the same as before."""
    missing: list[tuple[str, _Task]] = []
    for module in module_names(checked):
        text = llvm.module_text(module, checked, target)
        key = cache.key(module, target.name, text)
        found = cache.load(key)
        if found is not None:
            yield found
        else:
            missing.append((key, _Task(module, text, target)))
    keys = [key for key, _task in missing]
    for key, made in zip(keys, _run([task for _key, task in missing], jobs), strict=True):
        cache.save(key, made)
        yield made


def _end_with_parent() -> None:
    """In a worker: leave ctrl-C to the parent, and end when it says so, whatever its own handlers were."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _run(tasks: list[_Task], jobs: int) -> Iterator[ObjectFile]:
    """The objects of `tasks`, in order; in workers where there are enough."""
    if jobs == 1 or len(tasks) < FORK_THRESHOLD:
        yield from map(_Task.run, tasks)
        return
    with multiprocessing.get_context("fork").Pool(min(jobs, len(tasks)), initializer=_end_with_parent) as pool:
        yield from pool.imap(_Task.run, tasks)
