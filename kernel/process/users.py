"""Users of a container, by real user id: what all processes of one have together, for the limits of a user.

Interface: `Users.hold` finds or makes one; `User.drop` gives it back.

Invariant: a user is there as long as a process, a pending signal or a timer counts for it.
"""

from __future__ import annotations

from codegen.lang import Fallible, inline, struct, u32, u64, uninitialised
from kernel.base.tree import Tree, TreeNode
from kernel.memory.heap import Heap


@struct
class User:
    """One user id."""

    users: Users = uninitialised()
    heap: Heap = uninitialised()
    id: u32 = 0
    references: u64 = 0
    threads: u64 = 0
    """Its threads, of processes that have ended but not gone one each (RLIMIT_NPROC)."""
    signals: u64 = 0
    """Signals that are queued for its processes, and their timers (RLIMIT_SIGPENDING)."""
    node: TreeNode[User] = inline()

    def hold(self) -> None:
        """One more counts for it."""
        self.references += 1

    def drop(self) -> None:
        """One less; the last one frees it."""
        self.references -= 1
        if self.references == 0:
            self.users.all.remove(self)
            self.heap.free(self)

    def charge_signal(self, limit: u64, is_free: bool) -> bool:
        """Count one more queued signal, unless there are `limit` and it is not free of that; whether it may be."""
        if self.signals >= limit and not is_free:
            return False
        self.signals += 1
        self.references += 1
        return True

    def return_signal(self) -> None:
        """One queued signal less."""
        self.signals -= 1
        self.drop()


@struct
class Users:
    """All of a container."""

    all: Tree[User] = inline(Tree(User.node))

    def hold(self, heap: Heap, id: u32) -> Fallible[User]:
        """The user `id`, with a reference of the caller's. ENOMEM."""
        found = self.all.at_or_above(u64(id))
        if found is None or found.id != id:
            made = heap.new(User)
            made.users = self
            made.heap = heap
            made.id = id
            self.all.insert(made, u64(id))
            made.hold()
            return made
        found.hold()
        return found
