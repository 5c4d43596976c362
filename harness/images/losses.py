"""What of a root file system cannot be kept: counted while it is read, and said once for each kind."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path

Warn = Callable[[str], None]

LONGEST_SHOWN = 100


class Loss(enum.Enum):
    """A kind of thing that cannot be kept, and what becomes of it."""

    OUTSIDE = "members whose names lead upwards by '..', left out"
    NAME = "members with a name of more than 255 bytes, left out"
    PATH = "members with a path of more than 4,095 bytes, left out"
    LOOP = "members below links that lead nowhere, left out"
    TARGET = "symbolic links without a target, or with one of more than 4,095 bytes, left out"
    ABSENT = "hard links to what is not there, left out"
    DIRECTORY_LINK = "hard links to directories, left out"
    LINKS = "names of one file above 65,000, left out"
    SOCKET = "sockets, left out"
    KIND = "members of unknown types, made regular files"
    REPLACED = "files with others below them, made directories"
    ROOT = "members that are the root but no directory, left out"
    LARGE = "files larger than the largest that the kernel has, left out"
    DEVICE = "devices with numbers that do not fit, left out"
    OWNER = "owners or groups beyond 32 bits, made 65534"
    TIME = "times beyond 64 bits, moved to the end of that range"
    ATTRIBUTE = "extended attributes that the kernel does not keep, left out"
    ACCESS_LIST = "access control lists, left out"
    MOUNT = "directories on which something is mounted, left empty"
    CHANGED = "files that changed while they were read"


class Losses:
    """What was lost of one root file system."""

    def __init__(self) -> None:
        self._found: dict[Loss, tuple[int, bytes]] = {}

    def note(self, loss: Loss, path: bytes) -> None:
        """One more; the first of a kind is the one that will be named."""
        count, first = self._found.get(loss, (0, path))
        self._found[loss] = (count + 1, first)

    def say(self, source: Path, warn: Warn) -> None:
        """A line for each kind."""
        for loss, (count, first) in self._found.items():
            example = shown(first)
            example = example if len(example) <= LONGEST_SHOWN else f"{example[:LONGEST_SHOWN]}…"
            warn(f"{source}: {loss.value}: {example if count == 1 else f'{count} of them, the first is {example}'}")


def shown(path: bytes) -> str:
    """A path for people: in one line, without anything that a terminal would obey."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
