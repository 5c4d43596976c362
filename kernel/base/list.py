"""List and Link: doubly linked lists whose links live in the members.

A struct that can be on a list has a `Link` field for it, and the list names that field by class attribute:

    run_link: Link[Thread] = inline()                          # in Thread
    ready: List[Thread] = inline(List(Thread.run_link))        # in RunQueue

A list of a struct inside that very struct cannot name the field yet; it is `inline()` and gets its
offset before first use: `process.children.offset = field_offset(Process.sibling_link)`.

Invariants: a member is on at most one list through one link; putting it on a second one traps, and so does
taking it off a list that it is not on. Nothing is allocated, every operation takes constant time. A list has
no lock of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from codegen.lang import field_at, field_offset, hot, inline, struct, u64

T = TypeVar("T")


@struct
class Link(Generic[T]):
    """A member's place in one list."""

    next: T | None = None
    previous: T | None = None
    linked: bool = False


@struct
class List(Generic[T]):
    """Members in order, first to last."""

    first: T | None = None
    last: T | None = None
    count: u64 = 0
    offset: u64 = 0

    def __init__(self, link: Link[T] | None = None) -> None:
        if link is not None:
            self.offset = field_offset(link)

    def __len__(self) -> int:
        return self.count

    @property
    def is_empty(self) -> bool:
        """Whether there is no member."""
        return self.count == 0

    @inline
    def link_of(self, member: T) -> Link[T]:
        """The link of `member` that this list uses."""
        return field_at(Link, member, self.offset)

    @hot
    def push_last(self, member: T) -> None:
        """Put `member` at the end."""
        link = self.link_of(member)
        assert not link.linked, "already on a list"
        last = self.last
        link.next = None
        link.previous = last
        link.linked = True
        if last is None:
            self.first = member
        else:
            self.link_of(last).next = member
        self.last = member
        self.count += 1

    def push_first(self, member: T) -> None:
        """Put `member` at the beginning."""
        link = self.link_of(member)
        assert not link.linked, "already on a list"
        first = self.first
        link.next = first
        link.previous = None
        link.linked = True
        if first is None:
            self.last = member
        else:
            self.link_of(first).previous = member
        self.first = member
        self.count += 1

    def insert_before(self, successor: T, member: T) -> None:
        """Put `member` directly before `successor`, which is on this list."""
        after = self.link_of(successor)
        before = after.previous
        if before is None:
            self.push_first(member)
            return
        link = self.link_of(member)
        assert not link.linked, "already on a list"
        assert after.linked, "the successor is not on this list"
        link.next = successor
        link.previous = before
        link.linked = True
        self.link_of(before).next = member
        after.previous = member
        self.count += 1

    @hot
    def remove(self, member: T) -> None:
        """Take `member` off the list, which it is on."""
        link = self.link_of(member)
        assert link.linked, "not on a list"
        before = link.previous
        after = link.next
        if before is None:
            self.first = after
        else:
            self.link_of(before).next = after
        if after is None:
            self.last = before
        else:
            self.link_of(after).previous = before
        link.next = None
        link.previous = None
        link.linked = False
        self.count -= 1

    @hot
    def pop_first(self) -> T | None:
        """Take the first member off and return it; None from an empty list."""
        first = self.first
        if first is None:
            return None
        self.remove(first)
        return first

    def take_all(self) -> T | None:
        """Empty the list; its first member leads to the others by `next` of their links, as long as these are left."""
        first = self.first
        self.first = None
        self.last = None
        self.count = 0
        return first

    def pop_last(self) -> T | None:
        """Take the last member off and return it; None from an empty list."""
        last = self.last
        if last is None:
            return None
        self.remove(last)
        return last

    def contains_link(self, member: T) -> bool:
        """Whether `member` is on a list through this list's link."""
        return self.link_of(member).linked

    def __iter__(self) -> Iterator[T]:
        """First to last; the member at hand may be removed meanwhile, its successor may not."""
        member = self.first
        while member is not None:
            following = self.link_of(member).next
            yield member
            member = following
