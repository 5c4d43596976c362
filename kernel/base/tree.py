"""Tree: a balanced search tree whose nodes live in the members, ordered by a u64 key.

    node: TreeNode[Region] = inline()                          # in Region
    regions: Tree[Region] = inline(Tree(Region.node))          # in AddressSpace

A treap (Seidel and Aragon, 1996): a search tree by `key` and a heap by a random `priority`, so its expected depth
is logarithmic whatever the order of insertion. Everything is a loop: no recursion on a kernel stack.

A tree whose members come in by `insert` has each key once. One whose members come in by `insert_last` is a queue by
key: members with the same key stay in the order in which they came, and `first` is whose turn it is.

Invariants: left <= member <= right; no child has a higher priority than its parent. No lock of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from codegen.lang import field_at, field_offset, inline, struct, u64, wrapping_shl

T = TypeVar("T")

LOWEST_PRIORITY: u64 = 1


@struct
class TreeNode(Generic[T]):
    """A member's place in a tree."""

    key: u64 = 0
    priority: u64 = 0
    """0 in no tree, where the three references below are None."""
    left: T | None = None
    right: T | None = None
    parent: T | None = None


@struct
class Priorities:
    """Where pseudo-random priorities come from (xorshift64, Marsaglia 2003)."""

    state: u64 = 0x9E37_79B9_7F4A_7C15

    def stir(self, value: u64) -> None:
        """Mix in a value that an outsider does not know."""
        mixed = self.state ^ value
        if mixed != 0:
            self.state = mixed

    @inline
    def next(self) -> u64:
        """The next priority, never 0."""
        value = self.state
        value ^= wrapping_shl(u64, value, 13)
        value ^= value >> 7
        value ^= wrapping_shl(u64, value, 17)
        self.state = value
        return value


QUEUE_PRIORITIES = Priorities()
"""Those of all queues by key: nobody outside is to know them, who might choose keys that make the queue of all deep.

Two who take one at once may get the same, which does no harm.
"""


@struct
class Tree(Generic[T]):
    """Members by key."""

    root: T | None = None
    first: T | None = None
    """The member with the lowest key; of several, the one that came first."""
    count: u64 = 0
    offset: u64 = 0
    priorities: Priorities = inline()
    """Of a tree whose keys differ: the same order of calls makes the same tree."""

    def __init__(self, node: TreeNode[T] | None = None) -> None:
        if node is not None:
            self.offset = field_offset(node)

    def __len__(self) -> int:
        return self.count

    @inline
    def node_of(self, member: T) -> TreeNode[T]:
        """The node of `member` that this tree uses."""
        return field_at(TreeNode, member, self.offset)

    @property
    def is_empty(self) -> bool:
        """Whether there is no member."""
        return self.count == 0

    @inline
    def contains(self, member: T) -> bool:
        """Whether `member` is in a tree through this tree's node."""
        return self.node_of(member).priority != 0

    def insert(self, member: T, key: u64) -> None:
        """Put `member`, which is in no tree, at `key`, which no member has."""
        root = self.root
        if root is None:
            self._begin(member, key, self.priorities.next())
        else:
            above = self._leaf_for(root, key)
            assert self._has_no(key, above), "key is in the tree"
            self._hang(member, key, above, self.priorities.next())

    @inline
    def insert_last(self, member: T, key: u64) -> None:
        """Put `member`, which is in no tree, at `key`, behind all that have that key."""
        root = self.root
        if root is None:
            self._begin(member, key, LOWEST_PRIORITY)
        else:
            self._hang(member, key, self._leaf_for(root, key), QUEUE_PRIORITIES.next())

    @inline
    def _begin(self, member: T, key: u64, priority: u64) -> None:
        """Make `member` the only one. Queues are often that short."""
        node = self.node_of(member)
        assert node.priority == 0, "already in a tree"
        node.key = key
        node.priority = priority
        self.root = member
        self.first = member
        self.count = 1

    def _leaf_for(self, root: T, key: u64) -> T:
        """The member below which a new one at `key` hangs, behind those of its key."""
        above = root
        while True:
            place = self.node_of(above)
            below = place.left if key < place.key else place.right
            if below is None:
                return above
            above = below

    def _has_no(self, key: u64, leaf: T) -> bool:
        """Whether no member has `key`: one that has would be the leaf where it hangs, or directly before that."""
        place = self.node_of(leaf)
        if place.key <= key:
            return place.key != key
        before = self.before(leaf)
        return before is None or self.node_of(before).key != key

    def _hang(self, member: T, key: u64, above: T, priority: u64) -> None:
        """Make `member` a leaf below `above`, and let it rise to where its priority belongs."""
        node = self.node_of(member)
        assert node.priority == 0, "already in a tree"
        node.key = key
        node.priority = priority
        node.parent = above
        self.count += 1
        first = self.first
        if first is None or key < self.node_of(first).key:
            self.first = member
        place = self.node_of(above)
        if key < place.key:
            place.left = member
        else:
            place.right = member
        self._rise(member)

    @inline
    def remove(self, member: T) -> None:
        """Take `member`, which is in this tree, out of it."""
        node = self.node_of(member)
        assert node.priority != 0, "not in a tree"
        if self.count == 1:
            self.root = None
            self.first = None
            self.count = 0
            node.priority = 0
        else:
            self._take_out(member)

    def _take_out(self, member: T) -> None:
        """`remove`, where others are left."""
        node = self.node_of(member)
        if self.first is member:
            self.first = self.after(member)
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
        node.priority = 0
        self.count -= 1

    @property
    def last(self) -> T | None:
        """The member with the highest key; of several, the one that came last."""
        member = self.root
        if member is None:
            return None
        found: T = member
        while True:
            right = self.node_of(found).right
            if right is None:
                return found
            found = right

    def pop_first(self) -> T | None:
        """Take the first member out and return it; None from an empty tree."""
        first = self.first
        if first is not None:
            self.remove(first)
        return first

    def rekey(self, member: T, key: u64) -> None:
        """Give `member`, which is in this tree, another key that no other member lies between."""
        self.node_of(member).key = key

    def at_or_below(self, key: u64) -> T | None:
        """The last member whose key is not above `key`."""
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
        """The first member whose key is not below `key`."""
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
        """The member directly before `member`."""
        below = self.node_of(member).left
        if below is None:
            return self._turn(member, True)
        nearest: T = below
        while True:
            right = self.node_of(nearest).right
            if right is None:
                return nearest
            nearest = right

    def after(self, member: T) -> T | None:
        """The member directly after `member`."""
        below = self.node_of(member).right
        if below is None:
            return self._turn(member, False)
        nearest: T = below
        while True:
            left = self.node_of(nearest).left
            if left is None:
                return nearest
            nearest = left

    def _turn(self, member: T, is_right: bool) -> T | None:
        """The nearest member above that `member` is on the right (or left) side of."""
        child = member
        parent = self.node_of(child).parent
        while parent is not None:
            place = self.node_of(parent)
            if (place.right if is_right else place.left) is child:
                return parent
            child = parent
            parent = place.parent
        return None

    def __iter__(self) -> Iterator[T]:
        """By ascending key; the member at hand may be removed meanwhile."""
        member = self.first
        while member is not None:
            following = self.after(member)
            yield member
            member = following

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
