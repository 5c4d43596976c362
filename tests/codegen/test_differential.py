"""Random programs give the same value, error or trap compiled as under CPython."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from codegen import run
from codegen.lang import Errno, Panic
from tests.codegen.both import both
from tests.codegen.generated import NAMESPACE, Program, arguments, programs
from tests.codegen.generated_data import Board, data_programs

HEAD = """from __future__ import annotations

from codegen.lang import *
from tests.codegen.generated import EAGAIN, EIO
from tests.codegen.generated_data import Board, Entry, Kind


"""

numbers = itertools.count()


def import_program(lines: list[str], folder: Path) -> Callable[..., Any]:
    """The function of a generated program, out of a module file of its own, as the compiler wants it."""
    name = f"generated_{next(numbers)}"
    path = folder / f"{name}.py"
    path.write_text(HEAD + "\n".join(lines) + "\n")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    function: Callable[..., Any] = module.program
    return function


def outcome(call: Callable[[], Any]) -> tuple[str, Any]:
    """The value, the error, or the first trap.

    CPython runs `finally` after a Panic, which may raise an error that is caught; on a machine a trap is the end.
    """
    traps: list[Panic] = []
    make = Panic.__init__

    def note(panic: Panic, *arguments: Any) -> None:
        make(panic, *arguments)
        traps.append(panic)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Panic, "__init__", note)
        try:
            ended: tuple[str, Any] = ("returns", int(call()))
        except Errno as error:
            ended = ("raises", error.code)
        except Panic:
            assert traps
    return ("traps", traps[0].kind) if traps else ended


SIZES = strategies.integers(0, 17) | strategies.sampled_from([2**32, 2**64 - 1])
ARGUMENTS = strategies.lists(arguments(), min_size=6, max_size=6)
PLACES = strategies.lists(strategies.tuples(SIZES, SIZES), min_size=4, max_size=4)

SLOW_IS_WELL = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
LIMITS = settings(max_examples=40, deadline=None, suppress_health_check=SLOW_IS_WELL)

BATCHES = 50
BATCH_LIMITS = settings(LIMITS, max_examples=100, database=None)
"""The campaign: this many programs of each kind in each batch; 2 * 50 * 100 = 10,000 in all."""


def check_values(program: Program, values: list[list[int]], folder: Path) -> None:
    """A program gives the same value, error or trap both ways, for each list of arguments."""
    namespace = dict(NAMESPACE)
    exec("\n".join(program.checked), namespace)
    checked: Callable[..., Any] = namespace["program"]
    compiled = import_program(program.kernel, folder)
    for value in values:
        wanted = outcome(partial(checked, *value))
        got = outcome(partial(run, compiled, *value))
        assert got == wanted, value


def check_memory(lines: list[str], values: list[tuple[int, int]], folder: Path) -> None:
    """A program leaves the same memory both ways, or takes the same trap, for each pair of arguments."""
    compiled = import_program(lines, folder)
    for a, b in values:
        try:
            both(compiled, Board(), a, b)
        except Panic:  # both runs took the same trap
            continue


@LIMITS
@given(program=programs(), values=ARGUMENTS)
def test_compiled_programs_agree_with_cpython(program: Program, values: list[list[int]], tmp_path: Path) -> None:
    check_values(program, values, tmp_path)


@LIMITS
@given(lines=data_programs(), values=PLACES)
def test_memory_is_left_as_cpython_leaves_it(lines: list[str], values: list[tuple[int, int]], tmp_path: Path) -> None:
    check_memory(lines, values, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
@BATCH_LIMITS
@given(program=programs(), values=ARGUMENTS)
def test_campaign_of_values(batch: int, program: Program, values: list[list[int]], tmp_path: Path) -> None:
    check_values(program, values, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
@BATCH_LIMITS
@given(lines=data_programs(), values=PLACES)
def test_campaign_of_memory(batch: int, lines: list[str], values: list[tuple[int, int]], tmp_path: Path) -> None:
    check_memory(lines, values, tmp_path)
