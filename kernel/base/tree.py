"""Tree: a balanced search tree whose nodes live in the members, ordered by a u64 key.

    node: TreeNode[Region] = inline()                          # in Region
    regions: Tree[Region] = inline(Tree(Region.node))          # in AddressSpace

A treap (Seidel and Aragon, 1996): a search tree by `key` and a heap by a random `priority`, so its expected depth
is logarithmic whatever the order of insertion. Everything is a loop: no recursion on a kernel stack.

Invariants: keys differ; left < member < right; no child has a higher priority than its parent. No lock of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from codegen.lang import field_at, field_offset, inline, struct, u64, wrapping_shl

T = TypeVar("T")


@struct
class TreeNode(Generic[T]):
    """A member's place in a tree."""

    key: u64 = 0
    priority: u64 = 0
    left: T | None = None
    right: T | None = None
    parent: T | None = None


@struct
class Tree(Generic[T]):
    """Members by key."""

    root: T | None = None
    count: u64 = 0
    offset: u64 = 0
    random: u64 = 0x9E37_79B9_7F4A_7C15

    def __init__(self, node: TreeNode[T] | None = None) -> None:
        if node is not None:
            self.offset = field_offset(node)

    def __len__(self) -> int:
        return self.count

    @inline
    def node_of(self, member: T) -> TreeNode[T]:
        """The node of `member` that this tree uses."""
        return field_at(TreeNode, member, self.offset)

    def insert(self, member: T, key: u64) -> None:
        """Put `member`, which is in no tree, at `key`, which no member has."""
        node = self.node_of(member)
        node.key = key
        node.priority = self._next_priority()
        node.left = None
        node.right = None
        node.parent = None
        self.count += 1
        root = self.root
        if root is None:
            self.root = member
            return
        above = self._leaf_for(root, key)
        node.parent = above
        if key < self.node_of(above).key:
            self.node_of(above).left = member
        else:
            self.node_of(above).right = member
        self._rise(member)

    def _leaf_for(self, root: T, key: u64) -> T:
        """The member below which a new one at `key` hangs."""
        above = root
        while True:
            place = self.node_of(above)
            assert place.key != key, "key is in the tree"
            below = place.left if key < place.key else place.right
            if below is None:
                return above
            above = below

    def remove(self, member: T) -> None:
        """Take `member`, which is in this tree, out of it."""
        node = self.node_of(member)
        while True:
            left = node.left
            right = node.right
            if left is None:
                self._replace_child(node.parent, member, right)
                break
            if right is None:
                self._replace_child(node.parent, member, left)
                break
            higher = left if self.node_of(left).priority > self.node_of(right).priority else right
            self._rotate_up(higher)
        node.left = None
        node.right = None
        node.parent = None
        self.count -= 1

    def rekey(self, member: T, key: u64) -> None:
        """Give `member`, which is in this tree, another key that no other member lies between."""
        self.node_of(member).key = key

    def at_or_below(self, key: u64) -> T | None:
        """The member with the highest key not above `key`."""
        best: T | None = None
        member = self.root
        while member is not None:
            node = self.node_of(member)
            if node.key <= key:
                best = member
                member = node.right
            else:
                member = node.left
        return best

    def at_or_above(self, key: u64) -> T | None:
        """The member with the lowest key not below `key`."""
        best: T | None = None
        member = self.root
        while member is not None:
            node = self.node_of(member)
            if node.key >= key:
                best = member
                member = node.left
            else:
                member = node.right
        return best

    def before(self, member: T) -> T | None:
        """The member with the next lower key."""
        key = self.node_of(member).key
        return None if key == 0 else self.at_or_below(key - 1)

    def after(self, member: T) -> T | None:
        """The member with the next higher key."""
        key = self.node_of(member).key
        return None if key == 0xFFFF_FFFF_FFFF_FFFF else self.at_or_above(key + 1)

    def __iter__(self) -> Iterator[T]:
        """By ascending key; the member at hand may be removed meanwhile."""
        member = self.at_or_above(0)
        while member is not None:
            following = self.after(member)
            yield member
            member = following

    def _next_priority(self) -> u64:
        """The next pseudo-random number (xorshift64, Marsaglia 2003)."""
        value = self.random
        value ^= wrapping_shl(u64, value, 13)
        value ^= value >> 7
        value ^= wrapping_shl(u64, value, 17)
        self.random = value
        return value

    def _rise(self, member: T) -> None:
        """Rotate `member` up until its parent has at least its priority."""
        node = self.node_of(member)
        while True:
            parent = node.parent
            if parent is None or self.node_of(parent).priority >= node.priority:
                return
            self._rotate_up(member)

    def _rotate_up(self, member: T) -> None:
        """Make `member` the parent of its parent, keeping the order of keys."""
        node = self.node_of(member)
        parent = node.parent
        assert parent is not None, "the root has no parent to rotate with"
        above = self.node_of(parent)
        self._replace_child(above.parent, parent, member)
        if above.left is member:
            inner = node.right
            above.left = inner
            node.right = parent
        else:
            inner = node.left
            above.right = inner
            node.left = parent
        if inner is not None:
            self.node_of(inner).parent = parent
        above.parent = member

    def _replace_child(self, parent: T | None, old: T, new: T | None) -> None:
        """Put `new` where `old` hangs below `parent` (None: at the root)."""
        if parent is None:
            self.root = new
        else:
            place = self.node_of(parent)
            if place.left is old:
                place.left = new
            else:
                place.right = new
        if new is not None:
            self.node_of(new).parent = parent
