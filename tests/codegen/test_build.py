"""The pipeline: what is compiled again and what is not, and that workers change nothing."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path

import pytest

from codegen import compile_program, emit, root, workers
from codegen.diagnostics import CompileError, Diagnostic
from codegen.llvm.text import LoweredModule, Modules
from codegen.target import Target
from codegen.tree import Location
from user.agent.main import user_main
from user.lib.trap import trap_failed, trap_message

ROOTS = [user_main, trap_failed, trap_message]


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules that LLVM is asked for, in this process."""
    found: list[str] = []
    emit_object = emit.emit_object

    def record(text: str, target: Target) -> bytes:
        found.append(text.split('source_filename = "', 1)[1].split('"', 1)[0])
        return emit_object(text, target)

    monkeypatch.setattr(emit, "emit_object", record)
    return found


def test_a_module_is_an_object_and_nothing_is_compiled_twice(tmp_path: Path, emitted: list[str]) -> None:
    first = compile_program(ROOTS, target=Target.USER, cache=tmp_path, jobs=1)
    names = [made.name for made in first.objects]
    assert sorted(emitted) == names
    assert "user.agent.main" in names
    emitted.clear()
    second = compile_program(ROOTS, target=Target.USER, cache=tmp_path, jobs=1)
    assert emitted == []
    assert second == first


def test_a_changed_module_is_compiled_alone(
    tmp_path: Path, emitted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compile_program(ROOTS, target=Target.USER, cache=tmp_path, jobs=1)
    emitted.clear()
    lower_module = workers.lower_module

    def change(name: str, modules: Modules) -> LoweredModule:
        lowered = lower_module(name, modules)
        return replace(lowered, text=lowered.text + "; changed\n") if name == "user.agent.main" else lowered

    monkeypatch.setattr(workers, "lower_module", change)
    compile_program(ROOTS, target=Target.USER, cache=tmp_path, jobs=1)
    assert emitted == ["user.agent.main"]


def test_another_target_is_another_object(tmp_path: Path, emitted: list[str]) -> None:
    compile_program(ROOTS, target=Target.USER, cache=tmp_path, jobs=1)
    emitted.clear()
    compile_program(ROOTS, target=Target.KERNEL, cache=tmp_path, jobs=1)
    assert "user.agent.main" in emitted


@pytest.mark.one_thread
def test_workers_make_the_same_program(tmp_path: Path) -> None:
    alone = compile_program(ROOTS, target=Target.USER, jobs=1)
    together = compile_program(ROOTS, target=Target.USER, jobs=2)
    assert alone == together
    assert [made.lines for made in alone.objects] == [made.lines for made in together.objects]


def test_a_process_with_threads_is_not_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy could wait for ever for what another thread has locked; Python warns of it from 3.12 on."""
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked"))
    alone = compile_program(ROOTS, target=Target.USER, jobs=1)
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert compile_program(ROOTS, target=Target.USER, jobs=2) == alone
    finally:
        stop.set()
        thread.join()


def test_progress_counts_the_modules() -> None:
    seen: list[tuple[str, int, int]] = []
    program = compile_program(
        ROOTS,
        target=Target.USER,
        jobs=1,
        progress=lambda *step: seen.append(step),  # type: ignore[arg-type]
    )
    count = len(program.objects)
    assert seen == [("check", 0, 1), *(("llvm", done, count) for done in range(1, count + 1))]


def test_symbols_that_stubs_must_give_are_named() -> None:
    program = compile_program([user_main], target=Target.USER, jobs=1)
    assert program.externals >= {"trap_failed"}
    assert all(not name.startswith("user.") for name in program.externals)


@pytest.mark.one_thread
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_torn_object_is_made_again(tmp_path: Path, jobs: int) -> None:
    first = compile_program(ROOTS, target=Target.USER, cache=tmp_path, jobs=jobs)
    entries = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for path, content in entries.items():
        path.write_bytes(content[: len(content) // 2])
    assert compile_program(ROOTS, target=Target.USER, cache=tmp_path, jobs=jobs) == first
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == entries


@pytest.mark.one_thread
def test_a_worker_that_dies_ends_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does that gets too large for the machine: nobody may wait for it."""
    monkeypatch.setattr(workers.Work, "object_of", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(BrokenProcessPool):
        compile_program(ROOTS, target=Target.USER, jobs=2)


@pytest.mark.one_thread
def test_what_the_whole_program_breaks_is_refused_by_workers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Diagnostic(Location("file.py", 1, 0, 1, 1, "f"), "refused")
    monkeypatch.setattr(workers.Work, "refused", lambda _work: [refused, refused])
    with pytest.raises(CompileError) as raised:
        compile_program(ROOTS, target=Target.USER, jobs=2)
    assert raised.value.diagnostics == (refused,)


def test_an_installed_copy_builds_into_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert root.build_folder() == root.ROOT / "build"
    monkeypatch.setattr(root, "ROOT", tmp_path / "site-packages")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = root.build_folder()
    assert first.parent == tmp_path / "cache" / "pithos"
    monkeypatch.setattr(root, "ROOT", tmp_path / "elsewhere")
    assert root.build_folder() != first, "another copy has other sources"
