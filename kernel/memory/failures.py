"""Failures: lets the n-th allocation of an account fail, so that tests can take every way out of a failed call; and
lets others run at each fault of a copy, so that tests see what is used after a sleep.

The harness writes `FAILURES` from outside (harness/failures.py); in ordinary life the countdown is 0 and each
allocation pays for one comparison. What counts: a charge of pages, a charge of a process, an object of the heap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codegen.lang import noinline, struct, u64

if TYPE_CHECKING:
    from kernel.memory.account import Account


@struct
class Failures:
    """Which allocation is going to fail."""

    countdown: u64 = 0
    """The allocation that fails, 1 being the next one; 0: none."""
    account: Account | None = None
    """Whose allocations count; None: everybody's."""
    copies_yield: u64 = 0
    """Not 0: a copy from or to a program's memory that faults lets other threads run first, as if it slept."""

    def strikes(self, account: Account) -> bool:
        """Whether this allocation of `account` is the one."""
        return self.countdown != 0 and self.count(account)

    @noinline
    def count(self, account: Account) -> bool:
        """Count one allocation down; says whether it was the one."""
        chosen = self.account
        if chosen is not None and chosen is not account:
            return False
        left = self.countdown
        if left == 0:  # disarmed from outside since `strikes` looked
            return False
        self.countdown = left - 1
        return left == 1


FAILURES = Failures()
