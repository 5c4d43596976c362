"""Circle: a circular list without a head, whose links live in the members. One that is alone is linked to itself.

    group_circle: CircleLink[Process] = inline()                # in Process
    GROUP_CIRCLE: Circle[Process] = Circle(Process.group_circle)

Nothing is allocated, every operation takes constant time. No lock of its own.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from codegen.lang import field_at, field_offset, inline, struct, u64

T = TypeVar("T")


@struct
class CircleLink(Generic[T]):
    """A member's place in a circle; None before it is in one."""

    next: T | None = None
    previous: T | None = None


@struct
class Circle(Generic[T]):
    """What goes through one link of members."""

    offset: u64 = 0

    def __init__(self, link: CircleLink[T] | None = None) -> None:
        if link is not None:
            self.offset = field_offset(link)

    @inline
    def link_of(self, member: T) -> CircleLink[T]:
        """The link of `member` that this circle uses."""
        return field_at(CircleLink, member, self.offset)

    @inline
    def begin(self, member: T) -> None:
        """Let `member`, which is in no circle, be alone in one."""
        link = self.link_of(member)
        link.next = member
        link.previous = member

    def join(self, neighbour: T, member: T) -> None:
        """Put `member`, which is in no circle, directly before `neighbour`: as the last one, seen from there."""
        after = self.link_of(neighbour)
        link = self.link_of(member)
        before = after.previous
        assert before is not None and link.next is None, "one is in a circle and the other is not"
        link.next = neighbour
        link.previous = before
        self.link_of(before).next = member
        after.previous = member

    def leave(self, member: T) -> T | None:
        """Take `member` out; returns one of the others, None if it was alone."""
        link = self.link_of(member)
        after = link.next
        before = link.previous
        assert after is not None and before is not None, "it is in a circle"
        link.next = None
        link.previous = None
        if after is member:
            return None
        self.link_of(before).next = after
        self.link_of(after).previous = before
        return after

    def after(self, member: T) -> T:
        """The next one after `member`, which is itself where it is alone."""
        following = self.link_of(member).next
        assert following is not None, "it is in a circle"
        return following
