"""The kept bytecode: it follows the content of a source, and damage to it does no harm."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codegen import bytecode
from codegen.bytecode import kept_bytecode

NAME = "kept_example"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module of a package whose bytecode is kept."""
    monkeypatch.setattr(bytecode, "PACKAGES", (NAME,))
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / f"{NAME}.py"
    path.write_text("VALUE = 3\n")
    yield path
    sys.modules.pop(NAME, None)


def load(folder: Path) -> Any:
    """The module, imported anew."""
    sys.modules.pop(NAME, None)
    importlib.invalidate_caches()
    with kept_bytecode(folder):
        return importlib.import_module(NAME)


def test_a_module_is_compiled_once(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(tmp_path / "kept").VALUE == 3
    monkeypatch.setattr(bytecode._Loader, "source_to_code", None)
    assert load(tmp_path / "kept").VALUE == 3


def test_an_edit_that_changes_neither_time_nor_size_is_seen(source: Path, tmp_path: Path) -> None:
    assert load(tmp_path / "kept").VALUE == 3
    before = source.stat()
    source.write_text("VALUE = 4\n")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert load(tmp_path / "kept").VALUE == 4


@pytest.mark.parametrize("damage", [b"", b"\0" * 100])
def test_a_torn_entry_is_made_again(source: Path, tmp_path: Path, damage: bytes) -> None:
    folder = tmp_path / "kept"
    load(folder)
    (entry,) = folder.iterdir()
    entry.write_bytes(damage)
    assert load(folder).VALUE == 3
    assert entry.read_bytes() != damage


def test_other_modules_are_left_to_python(source: Path, tmp_path: Path) -> None:
    sys.modules.pop("colorsys", None)
    with kept_bytecode(tmp_path / "kept"):
        importlib.import_module("colorsys")
    assert not (tmp_path / "kept").exists()
