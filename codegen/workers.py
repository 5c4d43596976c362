"""What is left to do once the functions are checked, shared among processes.

The parts do not depend on each other: one object a module, the checks of the whole program, the attachments. A worker
is a fork, so it has the checked program without being sent it; what it sends back is small where the cache has the
object. What is made does not depend on who makes it, and in which order.

A process with threads is not forked: what another thread holds at that moment stays locked in the copy for ever
(fork(2)). There, all is done in the process itself.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass

from codegen import call_graph, raising
from codegen.cache import ObjectCache
from codegen.call_graph import CallGraph
from codegen.check import Program as Unfinished
from codegen.check import check_whole
from codegen.diagnostics import Diagnostic
from codegen.llvm.text import LoweredModule, Modules, lower_module
from codegen.objects import ObjectFile
from codegen.target import Target
from codegen.threads import may_fork
from codegen.tree import CheckedProgram

FORK_THRESHOLD = 3
"""Below this number of modules workers cost more than they save."""


@dataclass(frozen=True)
class Work:
    """A checked program and all that has to be done with it. Without `unfinished`, the whole has been checked."""

    checked: CheckedProgram
    unfinished: Unfinished | None
    modules: Modules
    target: Target
    cache: ObjectCache

    def object_of(self, module: str) -> tuple[str, ObjectFile | None]:
        """The key of the module's object, and the object itself unless the cache has one of that key."""
        lowered = lower_module(module, self.modules)
        key = self.cache.key(module, self.target.name, lowered.text)
        if key in self.cache:
            return key, None
        return key, self.made(module, key, lowered)

    def made(self, module: str, key: str, lowered: LoweredModule) -> ObjectFile:
        """Let LLVM make the object, and keep it. A text that made an object before was verified then."""
        from codegen.emit import object_of  # only here: most builds make few objects, in a worker

        lowered.verify()
        made = object_of(module, lowered.text, self.target)
        self.cache.save(key, made)
        return made

    def attachments(self) -> dict[str, bytes]:
        """What tools want to know of the source, by section."""
        nodes = call_graph.nodes_of(self.checked)
        return {
            call_graph.SECTION: call_graph.encode(CallGraph(self.checked, nodes).calls),
            raising.SECTION: raising.encode(raising.find(nodes)),
        }

    def refused(self) -> list[Diagnostic]:
        """What the checks of the whole program have against it."""
        return check_whole(self.unfinished) if self.unfinished is not None else []


class Results:
    """What `Work` gives, made here, when it is asked for."""

    def __init__(self, work: Work, names: list[str]) -> None:
        self._work = work
        self._names = names

    def refused(self) -> list[Diagnostic]:
        return self._work.refused()

    def attachments(self) -> dict[str, bytes]:
        return self._work.attachments()

    def objects(self) -> Iterator[ObjectFile]:
        """The objects of all modules, in any order."""
        for name in self._names:
            key, made = self._work.object_of(name)
            yield made or self._kept(name, key)

    def _kept(self, module: str, key: str) -> ObjectFile:
        """An object that the cache has; made again where the entry turns out to be torn."""
        found = self._work.cache.load(key)
        return found or self._work.made(module, key, lower_module(module, self._work.modules))


class SharedResults(Results):
    """The same, made by workers from the beginning on."""

    def __init__(self, work: Work, names: list[str], jobs: int) -> None:
        super().__init__(work, names)
        context = multiprocessing.get_context("fork")
        others = set(multiprocessing.active_children())
        self._workers = ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(work,))
        self._refused = self._workers.submit(_refused)
        self._attachments = self._workers.submit(_attachments)
        self._objects = [self._workers.submit(_object_of, name) for name in names]
        self._processes = set(multiprocessing.active_children()) - others

    def refused(self) -> list[Diagnostic]:
        return self._refused.result()

    def attachments(self) -> dict[str, bytes]:
        return self._attachments.result()

    def objects(self) -> Iterator[ObjectFile]:
        for future in as_completed(self._objects):
            name, key, made = future.result()
            yield made or self._kept(name, key)

    def end(self, *, at_once: bool) -> None:
        """Let the workers end, in the middle of what they do if it is not wanted any more."""
        for process in self._processes if at_once else ():
            process.terminate()
        self._workers.shutdown(cancel_futures=True)


@contextmanager
def results_of(work: Work, names: list[str], jobs: int) -> Iterator[Results]:
    """The results of `work`, with the objects of the modules `names`; by `jobs` workers where there is enough to do."""
    if jobs == 1 or len(names) < FORK_THRESHOLD or not may_fork():
        yield Results(work, names)
        return
    results = SharedResults(work, names, jobs)
    try:
        yield results
    except BaseException:
        results.end(at_once=True)
        raise
    results.end(at_once=False)


_work: list[Work] = []
"""In a worker: what it is to do."""


def _begin(work: Work) -> None:
    """In a worker: leave ctrl-C to the parent, and end when it says so, whatever its own handlers were."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _work.append(work)


def _object_of(module: str) -> tuple[str, str, ObjectFile | None]:
    return (module, *_work[-1].object_of(module))


def _attachments() -> dict[str, bytes]:
    return _work[-1].attachments()


def _refused() -> list[Diagnostic]:
    return _work[-1].refused()
