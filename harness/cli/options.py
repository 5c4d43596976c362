"""What the values of options look like, as docker writes them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from harness.errors import HarnessError

PATH = click.Path(path_type=Path)
LARGEST_NUMBER = (1 << 63) - 1
UNLIMITED = (1 << 64) - 1
"""RLIM_INFINITY."""
UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
RESOURCES = (
    *("cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile"),
    *("memlock", "as", "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime"),
)
"""Docker's names of RLIMIT_*, in the order of their numbers (asm-generic/resource.h)."""

Parameter = click.Parameter | None
Context = click.Context | None


class Size(click.ParamType[Any]):
    """A number of bytes as docker writes it: 64m, 1g."""

    name = "size"

    def convert(self, value: object, param: Parameter, ctx: Context) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(\d+)([bkmg]?)b?", str(value).lower())
        if found is None:
            self.fail(f"{value!r} is not a size such as 64m or 1g", param, ctx)
        size = int(found[1]) * UNITS[found[2]]
        if size > LARGEST_NUMBER:
            self.fail(f"{value!r} is more than 64 bits can say", param, ctx)
        return size


class RootFileSystem(click.ParamType[Any]):
    """A path that is not empty, as that of a variable is which is not set: it would be the working directory."""

    name = "rootfs"

    def convert(self, value: object, param: Parameter, ctx: Context) -> Path:
        if not os.fspath(value):  # type: ignore[call-overload]
            self.fail("it is empty: give a directory or a tar file", param, ctx)
        return Path(value)  # type: ignore[arg-type]


class Processors(click.ParamType[Any]):
    """How much of the processors, as docker writes it: 1.5; kept in thousandths. 0 is no limit."""

    name = "decimal"

    def convert(self, value: object, param: Parameter, ctx: Context) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"\d+(\.\d+)?|\.\d+", str(value))
        if found is None:
            self.fail(f"{value!r} is not a number of processors such as 0.5 or 2", param, ctx)
        wanted = float(found[0])
        if 0 < wanted < 0.001:
            self.fail(f"{value!r} is less than 0.001, the smallest share of a processor", param, ctx)
        return round(min(wanted, LARGEST_NUMBER) * 1000)


class Pair(click.ParamType[Any]):
    """NAME=VALUE, or NAME to take the value from our own environment: without one, None."""

    name = "name=value"

    def convert(self, value: object, param: Parameter, ctx: Context) -> tuple[str, str | None]:
        name, separator, content = str(value).partition("=")
        if not name:
            self.fail(f"{value!r} has no name before the '='", param, ctx)
        return name, content if separator else os.environ.get(name)


class ResourceLimits(click.ParamType[Any]):
    """NAME=SOFT[:HARD] as docker's --ulimit: the number of the resource, and both limits; -1 is none."""

    name = "name=soft[:hard]"

    def convert(self, value: object, param: Parameter, ctx: Context) -> tuple[int, int, int]:
        found = re.fullmatch(r"([a-z]+)=(-1|\d+)(?::(-1|\d+))?", str(value), re.ASCII)
        if found is None:
            self.fail(f"{value!r} is not a limit such as nofile=1024:4096", param, ctx)
        if found[1] not in RESOURCES:
            self.fail(f"{found[1]!r} is none of {', '.join(RESOURCES)}", param, ctx)
        soft, hard = (UNLIMITED if part == "-1" else int(part) for part in (found[2], found[3] or found[2]))
        if max(soft, hard) > UNLIMITED:
            self.fail(f"{value!r} is more than 64 bits can say", param, ctx)
        if soft > hard:
            self.fail(f"{value!r}: the soft limit is above the hard one", param, ctx)
        return RESOURCES.index(found[1]), soft, hard


def environment_of(files: Sequence[Path]) -> list[tuple[str, str | None]]:
    """What --env-file names: a line NAME=VALUE or NAME each, as with docker. Raises HarnessError."""
    found: list[tuple[str, str | None]] = []
    for path in files:
        try:
            lines = os.fsdecode(path.read_bytes().removeprefix(b"\xef\xbb\xbf")).splitlines()
        except OSError as error:
            raise HarnessError(f"--env-file {path}: {error.strerror}") from None
        for number, line in enumerate(lines, 1):
            text = line.lstrip()
            if not text or text.startswith("#"):
                continue
            name, separator, value = text.partition("=")
            if not name or name != name.strip() or any(letter.isspace() for letter in name) or "\0" in text:
                raise HarnessError(f"--env-file {path}, line {number}: {line!r} is not NAME=VALUE")
            found.append((name, value if separator else os.environ.get(name)))
    return found
