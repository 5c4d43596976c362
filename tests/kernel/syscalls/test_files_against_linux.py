"""Sequences of file calls give on the kernel what they give on Linux: values, errors and effects."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.memory.account import Account
from tests.kernel.files.conftest import account as account  # noqa: PLC0414
from tests.kernel.syscalls.worlds import KernelWorld, LinuxWorld

NAMES = st.sampled_from(
    [
        b"a", b"b", b"d", b"e", b"d/a", b"d/e", b"d/e/x", b"e/d", b"a/", b"d/", b"e/.", b"d/..", b".", b"",
        b"none/x", b"a/x", b"l", b"l/a", b"d/../b", b"n" * 256, b"l/",
    ]
)  # fmt: skip
FLAGS = st.sampled_from(
    [
        os.O_RDONLY, os.O_RDWR, os.O_WRONLY, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_CREAT | os.O_EXCL,
        os.O_RDWR | os.O_CREAT | os.O_TRUNC, os.O_RDWR | os.O_APPEND | os.O_CREAT, os.O_RDONLY | os.O_DIRECTORY,
        os.O_RDONLY | os.O_NOFOLLOW, os.O_RDONLY | os.O_TRUNC, os.O_PATH, os.O_PATH | os.O_NOFOLLOW,
        os.O_WRONLY | os.O_DIRECTORY, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW,
    ]
)  # fmt: skip
TARGETS = st.sampled_from([b"a", b"d", b"l", b"../b", b"d/e/", b"nowhere", b"."])
OFFSETS = st.sampled_from([-1, 0, 1, 5, 100, 4096, 5000])
FD = st.integers(0, 5)
"""Numbered by the order of opening."""

CALLS = st.one_of(
    st.tuples(st.just("open"), NAMES, FLAGS),
    st.tuples(st.just("open"), NAMES, FLAGS),
    st.tuples(st.just("mkdir"), NAMES),
    st.tuples(st.just("mkdir"), NAMES),
    st.tuples(st.just("rmdir"), NAMES),
    st.tuples(st.just("unlink"), NAMES),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("link"), NAMES, NAMES),
    st.tuples(st.just("symlink"), TARGETS, NAMES),
    st.tuples(st.just("readlink"), NAMES),
    st.tuples(st.just("stat"), NAMES, st.booleans()),
    st.tuples(st.just("truncate"), NAMES, OFFSETS),
    st.tuples(st.just("chmod"), NAMES, st.sampled_from([0o600, 0o7777])),
    st.tuples(st.just("chdir"), st.sampled_from([b"d", b"d/e", b"a", b"none"])),
    st.tuples(st.just("write"), FD, st.sampled_from([b"", b"x", b"hello", b"z" * 300])),
    st.tuples(st.just("pwrite"), FD, st.sampled_from([b"", b"y"]), OFFSETS),
    st.tuples(st.just("read"), FD, st.sampled_from([0, 3, 500])),
    st.tuples(st.just("lseek"), FD, OFFSETS, st.integers(0, 5)),
    st.tuples(st.just("ftruncate"), FD, OFFSETS),
    st.tuples(st.just("list"), FD),
    st.tuples(st.just("close"), FD),
)
ON_DESCRIPTORS = ("write", "pwrite", "read", "lseek", "ftruncate", "list", "close")


def play(steps: list[tuple[Any, ...]], kernel: KernelWorld, linux: LinuxWorld) -> None:
    """Do the steps in both worlds; descriptors go by the order in which they were opened."""
    opened: list[tuple[int, int]] = []
    for name, *arguments in steps:
        here, there = list(arguments), list(arguments)
        if name in ON_DESCRIPTORS:
            number = arguments[0]
            here[0], there[0] = opened[number] if number < len(opened) else (900, 900)
        ours, theirs = getattr(kernel, name)(*here), getattr(linux, name)(*there)
        if name == "open" and not isinstance(ours, str) and not isinstance(theirs, str):
            opened.append((ours, theirs))
            continue
        assert ours == theirs, f"{name}{tuple(arguments)}: {ours}, on Linux {theirs}"
    for ours, theirs in opened:
        kernel.close(ours)
        linux.close(theirs)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(CALLS, min_size=5, max_size=25))
def test_random_sequences(account: Account, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[Any, ...]]) -> None:
    if os.geteuid() != 0:
        pytest.skip("compares what root may do")
    # In memory, as the kernel's own file system is, where that is possible.
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(dir=shared))
    folder.chmod(0o755)
    kernel, linux = KernelWorld(account, monkeypatch), LinuxWorld(folder)
    try:
        # One level down, since `..` of the topmost directory differs.
        play([("mkdir", b"w"), ("chdir", b"w")], kernel, linux)
        play(steps, kernel, linux)
    finally:
        linux.end()
        kernel.end()
        shutil.rmtree(folder, ignore_errors=True)
