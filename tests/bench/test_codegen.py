"""The functions that are compared with C do what their twins do, and take no more instructions than the goals allow."""

from __future__ import annotations

from bench.codegen.measure import CASES, measure
from tests.needs import needs


@needs("gcc")
def test_goals_are_met() -> None:
    figures = list(measure())
    assert len(figures) == len(CASES) + 1
    missed = [f"{figure.name}: {figure.text}, goal {figure.goal}" for figure in figures if not figure.is_met]
    assert not missed
