"""Figure: one number that was measured, beside the goal it is held against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A measured value; less is better."""

    name: str
    value: float
    unit: str
    goal: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        return None if self.goal is None else self.value <= self.goal

    @property
    def text(self) -> str:
        """The value as a person reads it."""
        return f"{self.value:,.0f}" if self.unit == "instructions" else f"{self.value:,.2f}"
