"""A profile tells all instructions of a figure, and of the right functions."""

from __future__ import annotations

import asyncio

import pytest

from bench.profile import measure


@pytest.mark.slow
def test_functions_of_a_call() -> None:
    [getppid, trip] = asyncio.run(measure(["getppid", "pipe_trip"]))
    by_name = {row.function: row for row in getppid.rows}
    assert getppid.instructions < 200
    assert by_name["handle_syscall"].calls == pytest.approx(1, rel=0.01)
    assert by_name["syscall_entry"].instructions > 40
    assert sum(row.share for row in getppid.rows) == pytest.approx(1)
    assert {"Pipe.send": 2, "Pipe.receive": 2}.items() <= {row.function: round(row.calls) for row in trip.rows}.items()


def test_unknown_figure() -> None:
    with pytest.raises(KeyError):
        asyncio.run(measure(["nothing"]))
