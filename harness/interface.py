"""What is known of the kernel without importing it: the build's build/pithos.json (boot/interface.py)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

from codegen.root import BUILD_FOLDER
from harness.errors import HarnessError

KERNEL = BUILD_FOLDER / "pithos.elf"
INTERFACE = BUILD_FOLDER / "pithos.json"


@dataclass(frozen=True)
class Field:
    """A field of a struct: where it is and how it is read."""

    offset: int
    size: int
    is_signed: bool


@dataclass(frozen=True)
class StructLayout:
    """How a struct of the kernel lies in memory; sizes and offsets in bytes."""

    size: int
    fields: dict[str, Field]

    @classmethod
    def parse(cls, described: dict[str, Any]) -> StructLayout:
        """What boot/interface.py wrote of one."""
        return cls(described["size"], {name: Field(*place) for name, place in described["fields"].items()})


@cache
def _content(path: Path, _changed: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def interface() -> dict[str, Any]:
    """All of it. Raises HarnessError before there was any build."""
    try:
        return _content(INTERFACE, INTERFACE.stat().st_mtime_ns)
    except (FileNotFoundError, ValueError):
        raise HarnessError("the kernel is not built: run pithos build") from None
    except OSError as error:
        raise HarnessError(f"{INTERFACE}: {error.strerror}") from None


def call_numbers() -> dict[str, int]:
    """Numbers of the system calls by name."""
    numbers: dict[str, int] = interface()["calls"]
    return numbers


def option_names() -> list[str]:
    """The words that may stand on the kernel's command line."""
    names: list[str] = interface()["options"]
    return names


def call_parameters() -> dict[str, list[list[str]]]:
    """Name and type of the parameters of each system call, by its name."""
    parameters: dict[str, list[list[str]]] = interface()["parameters"]
    return parameters


def number(name: str) -> int:
    """A number that both sides use, such as MAXIMUM_CPUS."""
    return int(interface()["numbers"][name])


def layout(name: str) -> StructLayout:
    """The layout of a struct of the kernel."""
    return StructLayout.parse(interface()["structs"][name])


def enumeration(name: str) -> type[IntEnum]:
    """An enumeration of the kernel, with the same members."""
    make: Any = IntEnum
    made: type[IntEnum] = make(name, interface()["enums"][name])
    return made


def member(kind: str, name: str) -> int:
    """The value of a member of an enumeration of the kernel."""
    return int(interface()["enums"][kind][name])
