"""Lists and trees against Python's own, under CPython and compiled."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from codegen import run
from codegen.lang import Array, Panic, TrapKind, array, inline, inline_array, struct, u64
from kernel.base.list import Link, List
from kernel.base.tree import QUEUE_PRIORITIES, Priorities, Tree, TreeNode
from tests.codegen.both import both


@pytest.fixture(autouse=True)
def same_priorities() -> None:
    """Trees get the same shape under CPython and compiled."""
    QUEUE_PRIORITIES.state = Priorities().state


@struct
class Member:
    """Something on a list and in a tree."""

    number: u64 = 0
    link: Link[Member] = inline()
    node: TreeNode[Member] = inline()


@struct
class World:
    """Members, a list and a tree."""

    count: u64 = 0
    numbers: List[Member] = inline(List(Member.link))
    tree: Tree[Member] = inline(Tree(Member.node))
    order: Array[u64] = array(16)
    members: Array[Member] = inline_array(16)

    def note(self, member: Member) -> None:
        """Keep what was seen."""
        self.order[self.count] = member.number
        self.count += 1

    def play_list(self) -> u64:
        """All operations of a list; notes what remains in order."""
        for number in range(8):
            self.members[number].number = number
            if number % 2 == 0:
                self.numbers.push_last(self.members[number])
            else:
                self.numbers.push_first(self.members[number])
        self.numbers.remove(self.members[4])
        self.numbers.insert_before(self.members[2], self.members[4])
        self.numbers.insert_before(self.members[7], self.members[8])
        self.numbers.pop_first()
        last = self.numbers.pop_last()
        assert last is not None, "there was one"
        for member in self.numbers:
            if member.number == 3:
                self.numbers.remove(member)
            else:
                self.note(member)
        return last.number

    def play_tree(self, keys: u64, removed: u64) -> u64:
        """Insert the nibbles of `keys`, remove those of `removed`; notes what remains in order."""
        rest = keys
        for index in range(16):
            member = self.members[index]
            member.number = rest & 15
            self.tree.insert(member, member.number * 10)
            rest >>= 4
        rest = removed
        while rest != 0:
            found = self.tree.at_or_above((rest & 15) * 10 - 5)
            assert found is not None, "it is there"
            self.tree.remove(found)
            rest >>= 4
        for left in self.tree:
            self.note(left)
        return len(self.tree)

    def play_queue(self, keys: u64, removed: u64) -> u64:
        """Queue 16 members at the nibbles of `keys`, take out those at the indices in `removed`; notes the rest."""
        rest = keys
        for index in range(16):
            member = self.members[index]
            member.number = index
            self.tree.insert_last(member, rest & 15)
            rest >>= 4
        rest = removed
        while rest != 0:
            self.tree.remove(self.members[rest & 15])
            rest >>= 4
        while True:
            first = self.tree.pop_first()
            if first is None:
                break
            assert not self.tree.contains(first), "it was taken out"
            self.note(first)
        return len(self.tree)

    def insert_twice(self) -> None:
        """What must trap."""
        self.tree.insert_last(self.members[0], 1)
        self.tree.insert_last(self.members[0], 2)

    def insert_a_key_twice(self) -> None:
        """What must trap."""
        for index in range(4):
            self.tree.insert(self.members[index], 10 - index)
        self.tree.insert(self.members[5], 8)

    def remove_from_no_tree(self) -> None:
        """What must trap."""
        self.tree.remove(self.members[0])

    def push_twice(self) -> None:
        """What must trap."""
        self.numbers.push_last(self.members[0])
        self.numbers.push_last(self.members[0])

    def remove_stranger(self) -> None:
        """What must trap."""
        self.numbers.remove(self.members[0])


def test_a_list_keeps_its_order() -> None:
    world = World()
    assert both(World.play_list, world) == 6
    assert list(world.order[: world.count]) == [7, 5, 1, 0, 4, 2][: world.count]
    assert world.count == 6
    assert len(world.numbers) == 6


MISUSES = [
    World.push_twice,
    World.remove_stranger,
    World.insert_twice,
    World.insert_a_key_twice,
    World.remove_from_no_tree,
]


@pytest.mark.parametrize("misuse", MISUSES)
def test_misuse_traps(misuse: Callable[[World], None]) -> None:
    with pytest.raises(Panic) as caught:
        run(misuse, World())
    assert caught.value.kind == TrapKind.ASSERTION


@pytest.mark.parametrize("seed", range(6))
def test_a_tree_keeps_its_members_sorted(seed: int) -> None:
    keys = list(range(16))
    chance = random.Random(seed)
    chance.shuffle(keys)
    removed = chance.sample(range(1, 16), chance.randrange(15))
    world = World()
    number = sum(key << 4 * place for place, key in enumerate(keys))
    gone = sum(key << 4 * place for place, key in enumerate(removed))
    kept = [key for key in range(16) if key not in removed]
    assert both(World.play_tree, world, number, gone) == len(kept)
    assert list(world.order[: world.count]) == kept


@pytest.mark.parametrize("seed", range(6))
def test_a_queue_by_key_keeps_the_order_of_arrival(seed: int) -> None:
    chance = random.Random(seed)
    keys = [chance.randrange(4) for _ in range(16)]
    removed = chance.sample(range(1, 16), chance.randrange(12))
    world = World()
    number = sum(key << 4 * place for place, key in enumerate(keys))
    gone = sum(key << 4 * place for place, key in enumerate(removed))
    assert both(World.play_queue, world, number, gone) == 0
    kept = sorted((key, index) for index, key in enumerate(keys) if index not in removed)
    assert list(world.order[: world.count]) == [index for _, index in kept]


def depth(tree: Tree[Member], member: Member | None) -> int:
    """The depth of the tree, its invariants checked on the way."""
    if member is None:
        return 0
    node = tree.node_of(member)
    for child in (node.left, node.right):
        if child is not None:
            assert tree.node_of(child).parent is member
            assert tree.node_of(child).priority <= node.priority
    if node.left is not None:
        assert tree.node_of(node.left).key < node.key
    if node.right is not None:
        assert tree.node_of(node.right).key > node.key
    return 1 + max(depth(tree, node.left), depth(tree, node.right))


def test_a_tree_of_ascending_keys_stays_shallow() -> None:
    tree: Tree[Member] = Tree(Member.node)
    members = [Member() for _ in range(1000)]
    for key, member in enumerate(members):
        tree.insert(member, key)
    assert depth(tree, tree.root) < 40
    for member in members[::3]:
        tree.remove(member)
    assert [tree.node_of(member).key for member in tree] == [key for key in range(1000) if key % 3]
    assert depth(tree, tree.root) < 40
    assert tree.at_or_below(3) is members[2]
    assert tree.before(members[1]) is None
    assert tree.after(members[998]) is None
