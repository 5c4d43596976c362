"""Compiles a few lines of the kernel language and gives back what the compiler refuses in them."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

from codegen.check import check_program
from codegen.diagnostics import CompileError, Diagnostic
from codegen.tree import CheckedProgram

PRELUDE = """
from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Generic, Never, TypeVar

from codegen.lang import *
from kernel.base.errno import EINVAL, ENOENT
from codegen.lang import Array, Atomic, Errno, Fallible, Interface, MutableSlice, Slice, UserSlice

T = TypeVar("T")


@width(u8)
class Colour(IntEnum):
    RED = 1
    GREEN = 2


class Mode(IntFlag):
    READ = 1
    WRITE = 2


@bits
class Entry:
    present: bool = bit(0)
    frame: FrameNumber = bits(12, 52)


@struct
class Inner:
    weight: u16 = 3


@struct
class Node:
    value: u32 = 0
    next: Node | None = None
    inner: Inner = inline()
    owner: Inner = uninitialised()
    name: Array[u8] = array(8)
    count: Atomic[u32] = inline()
    entry: Entry = Entry()

    def double(self) -> u32:
        return self.value * 2

    def fail(self) -> Fallible[None]:
        raise EINVAL


class Shape(Interface):
    def area(self) -> u32: ...


@struct
class Square(Shape):
    side: u32 = 1

    def area(self) -> u32:
        return self.side * self.side


@struct
class Dot(Shape):
    at: u32 = 0

    def area(self) -> u32:
        return 0


NODE = Node()
SMALL = 5
TABLE = (1, 2, 3)


def find(key: u32) -> Fallible[u32]:
    if key == 0:
        raise ENOENT
    return key


def maybe(key: u32) -> Node | None:
    return NODE if key == 1 else None


def release(key: u32) -> None:
    NODE.value = key
"""

_numbers = itertools.count()
_directory = Path(tempfile.mkdtemp(prefix="refusal"))


def load_module(source: str) -> Any:
    """Import the prelude and `source` as a module of their own."""
    return load_source(PRELUDE + textwrap.dedent(source))


def load_source(source: str) -> Any:
    """Import `source` as a module of its own."""
    name = f"refusal_{next(_numbers)}"
    path = _directory / f"{name}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def compile_text(source: str, root: str = "f") -> CheckedProgram:
    """Check function `root` of a module made of the prelude and `source`."""
    return check_program([getattr(load_module(source), root)])


def refusal(source: str, root: str = "f") -> Diagnostic:
    """The first thing that is refused in `source`."""
    try:
        compile_text(source, root)
    except CompileError as error:
        return error.diagnostics[0]
    raise AssertionError("the compiler accepted it")
