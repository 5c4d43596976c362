"""Tree: a root file system, resolved: each name once, directories with what is in them, no path through a link.

Members come in the order of an archive, and the later one counts (tar(1)). A path that leads through a symbolic link of
the tree is followed within the tree, as if that were already the root (chroot(2)); the last name of a path never is. So
whatever an archive says, all of it ends up in the tree or is left out.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path

from harness.images.contents import Contents
from harness.images.limits import LINKS_MAX, NAME_MAX, PATH_MAX, SYMLINK_MAX
from harness.images.losses import Loss, Losses
from harness.images.memory import check_total, cost_of_attributes, cost_of_name, cost_of_node


@dataclass(slots=True)
class Facts:
    """What is told of a file besides its kind and contents."""

    permissions: int = 0o755
    user: int = 0
    group: int = 0
    seconds: int = 0
    nanoseconds: int = 0
    attributes: dict[bytes, bytes] = field(default_factory=dict)
    """Extended attributes, by name."""


@dataclass(slots=True, eq=False)
class Node:
    """One file of a tree, of the kind S_IF*, under as many names as it has `links`."""

    kind: int
    facts: Facts
    contents: Contents | None = None
    target: bytes = b""
    device: int = 0
    children: dict[bytes, Node] = field(default_factory=dict)
    parent: Node | None = None
    """Of a directory, the one that it is in."""
    links: int = 0

    @property
    def is_directory(self) -> bool:
        return self.kind == stat.S_IFDIR

    @property
    def cost(self) -> int:
        """The memory that it takes, its names apart."""
        contents = 0 if self.contents is None else self.contents.cost
        return cost_of_node(self.kind, len(self.target)) + cost_of_attributes(self.facts.attributes) + contents


def directory(facts: Facts | None = None) -> Node:
    """An empty directory."""
    return Node(stat.S_IFDIR, Facts() if facts is None else facts)


@dataclass(slots=True, eq=False)
class PendingLink:
    """A hard link to what is not there yet."""

    place: Node
    name: bytes
    path: bytes
    target: bytes


class Tree:
    """The root file system that `source` is."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.root = directory()
        self.losses = Losses()
        self.cost = self.root.cost
        """Bytes of the machine's memory that it takes, about."""
        self.is_checked_early = False
        """Whether to refuse it as soon as it is too large for any machine: to read on would take long."""
        self._pending: dict[tuple[int, bytes], PendingLink] = {}

    # Adding.

    def put(self, path: bytes, node: Node) -> None:
        """Let `path` name a new node, whatever it named before; a directory keeps what is in it."""
        parts = self._parts(path)
        if parts is None:
            return
        if parts:
            place = self._directory(parts[:-1], path)
            if place is not None:
                self._name(place, parts[-1], node)
        elif node.is_directory:
            self._renew(self.root, node)
        else:
            self.losses.note(Loss.ROOT, path)

    def link(self, path: bytes, target: bytes) -> None:
        """Let `path` be one more name of what `target` names, or will name."""
        parts = self._parts(path)
        if parts is None:
            return
        place = self._directory(parts[:-1], path) if parts else None
        if place is None:
            self.losses.note(Loss.ROOT, path)
            return
        pending = PendingLink(place, parts[-1], path, target)
        node = self._find(target)
        if node is None:
            self._pending[id(place), parts[-1]] = pending
        else:
            self._link(pending, node)

    def replace(self, path: bytes, node: Node, cost: int) -> bool:
        """Let `path`, which has names, name `node` in place of all that was there, in directories that are made for it.

        Links on the way are followed, one at its end too. `cost` is that of all that is in it. False, and nothing is
        put, where a file is in the way.
        """
        *folders, name = split(path)
        place = self._find_or_make(folders)
        for _ in range(SYMLINK_MAX):
            old = None if place is None else place.children.get(name)
            if old is None or old.kind != stat.S_IFLNK or not split(old.target):
                break
            path = old.target if old.target.startswith(b"/") else b"/".join([*folders, old.target])
            *folders, name = split(path)
            place = self._find_or_make(folders)
        if place is None or name == b"..":
            return False
        old = place.children.pop(name, None)
        if old is not None:
            self._drop(old, name)
        self._name(place, name, node)
        self.cost += cost - node.cost
        return True

    def finish(self) -> None:
        """All members are there: make the hard links whose targets came after them."""
        while self._pending:
            chain = [next(iter(self._pending.values()))]
            seen = {id(chain[0])}
            while chain:
                link = chain[-1]
                node = self._find(link.target)
                if node is None:
                    before = self._pending_at(link.target)
                    if before is not None and id(before) not in seen:
                        chain.append(before)
                        seen.add(id(before))
                        continue
                    self.losses.note(Loss.ABSENT, link.path)
                self._pending.pop((id(link.place), link.name), None)
                if node is not None:
                    self._link(link, node)
                chain.pop()

    # Resolving paths.

    def _parts(self, path: bytes) -> list[bytes] | None:
        """The names that a member's path consists of; None if it is left out for them."""
        parts = split(path)
        if b".." in parts:
            self.losses.note(Loss.OUTSIDE, path)
        elif any(len(part) > NAME_MAX for part in parts):
            self.losses.note(Loss.NAME, path)
        elif sum(len(part) + 1 for part in parts) >= PATH_MAX:
            self.losses.note(Loss.PATH, path)
        else:
            return parts
        return None

    def _directory(self, parts: list[bytes], path: bytes) -> Node | None:
        """The directory that these names lead to, made where it is missing; None, and noted, if that cannot be."""
        found = self._walk(parts, True, path)
        if found is None:
            self.losses.note(Loss.LOOP, path)
        return found

    def _find_or_make(self, folders: list[bytes]) -> Node | None:
        """The directory that these names lead to, made where nothing is; None where a file is in the way."""
        for count in range(1, len(folders) + 1):
            named = self._find(b"/".join(folders[:count]))
            if named is not None and not named.is_directory and named.kind != stat.S_IFLNK:
                return None
        return self._walk(folders, True, b"/".join(folders))

    def _find(self, path: bytes) -> Node | None:
        """What a path names, if anything; a link in its last place is not followed."""
        parts = split(path)
        if not parts or parts[-1] == b"..":
            return None
        place = self._walk(parts[:-1], False, path)
        return None if place is None else place.children.get(parts[-1])

    def _pending_at(self, path: bytes) -> PendingLink | None:
        """The hard link that will be there one day."""
        parts = split(path)
        place = self._walk(parts[:-1], False, path) if parts else None
        return None if place is None else self._pending.get((id(place), parts[-1]))

    def _walk(self, parts: list[bytes], makes: bool, path: bytes) -> Node | None:
        """Go from the root down these names, through links but never out of the tree."""
        current = self.root
        left = parts[::-1]
        followed = 0
        while left:
            name = left.pop()
            if name == b"..":
                current = current.parent or current
                continue
            child = current.children.get(name)
            if child is not None and child.kind == stat.S_IFLNK:
                followed += 1
                if followed > SYMLINK_MAX:
                    return None
                if child.target.startswith(b"/"):
                    current = self.root
                left.extend(split(child.target)[::-1])
                continue
            if child is None or not child.is_directory:
                if not makes or len(name) > NAME_MAX:
                    return None
                if child is not None:
                    self.losses.note(Loss.REPLACED, path)
                child = directory()
                self._name(current, name, child)
            current = child
        return current

    # Names.

    def _name(self, place: Node, name: bytes, node: Node) -> None:
        """Let `name` in `place` name `node` and nothing else; a directory stays, with the facts of the new one."""
        self._pending.pop((id(place), name), None)
        old = place.children.get(name)
        if old is not None and old.is_directory and node.is_directory:
            self._renew(old, node)
            return
        node.links += 1
        if node.links == 1:
            self.cost += node.cost
        self.cost += cost_of_name(len(name))
        if node.is_directory:
            node.parent = place
        place.children[name] = node
        if old is not None:
            self._drop(old, name)
        if self.is_checked_early:
            check_total(self.source, self.cost)

    def _renew(self, old: Node, new: Node) -> None:
        """Give a directory the facts of another one."""
        self.cost += new.cost - old.cost
        old.facts = new.facts

    def _drop(self, node: Node, name: bytes) -> None:
        """A node has lost a name, and with the last one all that is in it."""
        left = [(name, node)]
        while left:
            name, node = left.pop()
            self.cost -= cost_of_name(len(name))
            node.links -= 1
            if node.links == 0:
                self.cost -= node.cost
                left.extend(node.children.items())

    def _link(self, link: PendingLink, node: Node) -> None:
        """Make a hard link, now that there is what it is one to."""
        if node.is_directory:
            self.losses.note(Loss.DIRECTORY_LINK, link.path)
        elif node.links >= LINKS_MAX:
            self.losses.note(Loss.LINKS, link.path)
        elif link.place.children.get(link.name) is not node:
            self._name(link.place, link.name, node)


def split(path: bytes) -> list[bytes]:
    """The names in a path, `..` among them."""
    return [part for part in path.split(b"/") if part not in (b"", b".")]
