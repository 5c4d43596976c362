"""A file with one mistake, for test_command.py."""

from __future__ import annotations

from codegen.lang import export, i64, u32, u64


@export
def wrong(a: u64, b: i64) -> u32:
    return u32(a + b)
