"""Budget: how much one step of a long change may do.

A change of an address space whose size a program chooses is made of steps, each under the lock of the space; between
them the caller, which lies above the scheduler, lets others run (sched/preemption.py). A step ends when its budget is
spent, wherever that is, and says how far it came.
"""

from __future__ import annotations

from codegen.lang import saturating_sub, struct, u64

STEP: u64 = 2048
"""Pages that are unmapped or shared in one step: some 0.1 to 0.2 ms."""
TABLE_COST: u64 = 8
"""What looking through a page table costs, in pages."""
REGION_COST: u64 = 16
FAULT_COST: u64 = 16
"""What filling in a page costs."""


@struct
class Budget:
    """What is left of one step."""

    left: u64 = STEP

    def take(self, cost: u64) -> None:
        """Spend so much, or what is left."""
        self.left = saturating_sub(u64, self.left, cost)

    @property
    def is_spent(self) -> bool:
        """Whether the step is to end."""
        return self.left == 0
