"""Files and directories of the host that are put into a root file system at a place of their own (volumes)."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.images import explained
from harness.images.folder import FolderReader, read_folder
from harness.images.losses import Warn
from harness.images.tree import Facts, Node, Tree, directory


@dataclass
class Graft:
    """What is put in: `source` of the host at `place` of the container, or without one an empty directory."""

    place: bytes
    source: Path | None = None
    facts: Facts | None = None
    """Of an empty directory."""
    node: Node | None = None
    """What was put there, once it is."""

    @property
    def title(self) -> str:
        """How it is named in messages."""
        return f"{self.source or ''}:{os.fsdecode(self.place)}".lstrip(":")


def guest_place(text: str, what: str) -> bytes:
    """A path in the container for something of ours, without `.` and `..`. Raises HarnessError."""
    place = os.path.normpath(os.fsencode(text))
    if not place.startswith(b"/"):
        raise HarnessError(f"{what}: {text!r} is no absolute path of the container")
    place = b"/" + place.strip(b"/")
    if place.split(b"/")[1] in (b"", b"proc", b"dev", b"sys"):
        raise HarnessError(f"{what}: {text} belongs to the container itself: choose another place")
    return place


def parse_tmpfs(text: str) -> Graft:
    """GUEST[:mode=1777,uid=0,gid=0] of --tmpfs: an empty directory. Raises HarnessError."""
    place, _, options = text.partition(":")
    facts = Facts(0o1777, seconds=int(time.time()))
    for option in filter(None, options.split(",")):
        name, _, value = option.partition("=")
        if name == "mode" and re.fullmatch("[0-7]{1,4}", value):
            facts.permissions = int(value, 8)
        elif name in ("uid", "gid") and re.fullmatch(r"\d{1,9}", value):
            setattr(facts, "user" if name == "uid" else "group", int(value))
        elif option != "rw":
            raise HarnessError(f"--tmpfs {text}: {option!r} is none of mode=, uid=, gid=: others are not there yet")
    return Graft(guest_place(place, f"--tmpfs {text}"), facts=facts)


def check_apart(grafts: Sequence[Graft]) -> None:
    """Raise HarnessError for two at one place."""
    seen = set()
    for graft in grafts:
        if graft.place in seen:
            raise HarnessError(f"{os.fsdecode(graft.place)}: something is put there twice")
        seen.add(graft.place)


def graft_all(tree: Tree, grafts: Sequence[Graft], warn: Warn) -> None:
    """Put all of them into `tree`, the outer ones first. Raises HarnessError."""
    for graft in sorted(grafts, key=lambda one: one.place.count(b"/")):
        made = Tree(graft.source or tree.source)
        node = directory(graft.facts) if graft.source is None else read_source(graft.source, made)
        made.losses.say(made.source, warn)
        if not tree.replace(graft.place, node, made.cost):
            raise HarnessError(f"{graft.title}: a part of that path is no directory in ROOTFS")
        graft.node = node


def read_source(source: Path, tree: Tree) -> Node:
    """A directory of the host, or a file. Raises HarnessError."""
    with explained(source):
        kind = stat.S_IFMT(source.stat().st_mode)
        real = Path(os.path.realpath(source))
        if kind == stat.S_IFDIR:
            read_folder(real, tree)
            return tree.root
        if kind != stat.S_IFREG:
            raise HarnessError(f"{source}: is neither a directory nor a file")
        name = os.fsencode(real.name)
        FolderReader(os.fsencode(real.parent), tree, real.stat().st_dev).read(name)
        node = tree.root.children.pop(name, None)
    if node is None:
        raise HarnessError(f"{source}: is larger than the largest file that the kernel has")
    return node
