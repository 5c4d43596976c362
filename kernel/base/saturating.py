"""Sums that stop at the highest number, for counts and times that a program drives."""

from __future__ import annotations

from codegen.lang import inline, u64

HIGHEST: u64 = 0xFFFF_FFFF_FFFF_FFFF


@inline
def saturating_add(first: u64, second: u64) -> u64:
    """The sum, or the highest number where that is too large."""
    return first + min(second, HIGHEST - first)
