"""What each user of a container has of what is limited by user: pages of pipes (pipe(7)), queues and watches of
inotify(7).

Interface: `Users.counts_of` gives the counts of a user, held; whoever changes them holds them until it is undone.

The counts belong to the container in which the user acts. They outlive it only as long as a pipe or a queue does that
was counted, and then nobody else looks at them.
"""

from __future__ import annotations

from codegen.lang import Fallible, inline, must_use, struct, u32, u64
from kernel.base.tree import Tree, TreeNode
from kernel.memory.account import Account
from kernel.memory.heap import free

PIPE_PAGES_SOFT: u64 = 16_384
"""pipe-user-pages-soft: beyond, a pipe of another user than 0 begins with two pages, and does not grow."""
PIPE_SIZE_MAX: u64 = 1 << 20
"""pipe-max-size: how large another user than 0 may make a pipe, in bytes."""
QUEUES_MAX: u64 = 128
"""max_user_instances of inotify."""
WATCHES_MAX: u64 = 65_536
"""max_user_watches; Linux has a part of the memory, at most 1,048,576."""
PIPE_SIZE_LIMIT: u64 = 1 << 26
"""How large user 0 may: so much is given back at once when the pipe is closed."""


@struct
class UserCounts:
    """What one user has."""

    users: Users | None = None
    """Where it is looked for; None once the container is gone."""
    node: TreeNode[UserCounts] = inline()
    references: u64 = 0
    pipe_pages: u64 = 0
    queues: u64 = 0
    watches: u64 = 0

    def hold(self) -> None:
        """One more thing is counted."""
        self.references += 1

    def drop(self) -> None:
        """One thing less; with the last one the counts go as well."""
        self.references -= 1
        if self.references == 0:
            users = self.users
            if users is not None:
                users.known.remove(self)
            free(self)


@struct
class Users:
    """The users of one container that have something."""

    known: Tree[UserCounts] = inline(Tree(UserCounts.node))

    @must_use
    def counts_of(self, account: Account, user: u32) -> Fallible[UserCounts]:
        """The counts of `user`, held, and charged to `account` if they are new. ENOMEM."""
        found = self.known.at_or_below(u64(user))
        if found is None or found.node.key != u64(user):
            found = account.heap.new(UserCounts)
            found.users = self
            self.known.insert(found, u64(user))
        found.hold()
        return found

    def forget_one(self) -> bool:
        """The container ends: whoever still holds counts keeps them for itself. Whether there were any."""
        counts = self.known.at_or_above(0)
        if counts is None:
            return False
        self.known.remove(counts)
        counts.users = None
        return True
