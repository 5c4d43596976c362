"""Caches: what is found again, and what makes an entry stale."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

from codegen.cache import BuildRecord, ObjectCache, compiler_fingerprint
from codegen.files import write_whole
from codegen.objects import ObjectFile, Section

OBJECT = ObjectFile("module", {}, ())


def test_an_object_is_found_by_what_it_was_made_from(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path)
    cache.save(cache.key("module", "text"), OBJECT)
    assert cache.load(cache.key("module", "text")) == OBJECT
    assert cache.load(cache.key("module", "other text")) is None
    assert cache.load(cache.key("modulet", "ext")) is None


def test_a_torn_entry_reads_as_absent(tmp_path: Path) -> None:
    cache = ObjectCache(tmp_path)
    key = cache.key("text")
    cache.save(key, OBJECT)
    path = tmp_path / key
    path.write_bytes(path.read_bytes()[:-5])
    assert cache.load(key) is None


def test_what_takes_longest_is_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "edited.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("edited")
    cache = ObjectCache(tmp_path / "cache")
    large = ObjectFile("large", {0: Section(".text", 0, 1, 5000, b"")}, ())
    assert cache.longest_first(["module", "large"]) == ["module", "large"]
    cache.note_sizes([OBJECT, large])
    os.utime(tmp_path / "edited.py", ns=(0, 0))
    assert cache.longest_first(["edited", "module", "large"]) == ["large", "edited", "module"]
    os.utime(tmp_path / "edited.py", ns=(2**61, 2**61))
    assert cache.longest_first(["module", "large", "edited"]) == ["edited", "large", "module"]
    sys.modules.pop("edited")


def test_without_a_folder_nothing_is_kept() -> None:
    cache = ObjectCache(None)
    cache.save("key", OBJECT)
    assert cache.load("key") is None


@pytest.mark.parametrize("change", ["package", "source"])
def test_another_compiler_finds_nothing_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    before = ObjectCache(tmp_path).key("text")
    if change == "package":
        (tmp_path / "llvmlite-99.0.dist-info").mkdir()
        monkeypatch.syspath_prepend(tmp_path)
    else:
        monkeypatch.setattr("codegen.cache.TEXT_TO_OBJECT", ("lines.py",))
    compiler_fingerprint.cache_clear()
    assert ObjectCache(tmp_path).key("text") != before
    compiler_fingerprint.cache_clear()


@pytest.fixture
def record(tmp_path: Path) -> BuildRecord:
    (tmp_path / "input").write_text("one")
    (tmp_path / "output").write_text("made")
    made = BuildRecord(tmp_path / "record")
    made.save([tmp_path / "output"], "fast", [tmp_path / "input"])
    return made


def test_an_unchanged_build_is_current(record: BuildRecord, tmp_path: Path) -> None:
    assert record.is_current([tmp_path / "output"], "fast")


@pytest.mark.parametrize("name", ["input", "output"])
def test_a_changed_file_makes_it_stale(record: BuildRecord, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("two")
    assert not record.is_current([tmp_path / "output"], "fast")


@pytest.mark.parametrize("name", ["input", "output", "record"])
def test_a_removed_file_makes_it_stale(record: BuildRecord, tmp_path: Path, name: str) -> None:
    (tmp_path / name).unlink()
    assert not record.is_current([tmp_path / "output"], "fast")


def test_other_options_make_it_stale(record: BuildRecord, tmp_path: Path) -> None:
    assert not record.is_current([tmp_path / "output"], "slow")


def test_an_upgraded_package_makes_it_stale(
    record: BuildRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "llvmlite-99.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert not record.is_current([tmp_path / "output"], "fast")


def test_the_compilers_own_files_are_inputs(record: BuildRecord, tmp_path: Path) -> None:
    assert "codegen/cache.py" in (tmp_path / "record").read_text()


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"before")
    with pytest.raises(TypeError):
        write_whole(path, "text")  # type: ignore[arg-type]
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """With /dev/null as its output, a build must leave the device as it is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, b"content")
        assert os.read(reader, 100) == b"content"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
