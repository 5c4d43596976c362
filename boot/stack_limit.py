"""Every stack holds the deepest calls that can happen on it: checked by each build, over the machine code.

The worst case on a kernel stack: the deepest entry point, in it a fault on user memory, and in that an interrupt, whose
handler is not interrupted itself (kernel/process/traps.py). At the very bottom a check may fail and print.
"""

from __future__ import annotations

from boot.layout import BOOT_STACK_SIZE, STACK_SIZE
from codegen import LinkError
from codegen.layout import size_of
from codegen.program_file import ProgramFile
from codegen.stack import StackAnalysis, StackUse
from kernel.machine.trap import TrapFrame

HANDLER = "handle_trap"
NESTED_TRAPS = 2
LAST_WORDS = ("trap_failed", "trap_message")
BOOT_ENTRY = "kernel_main"

CALL_FRAME = 16
"""What `trap_common` pushes below the frame, for backtraces."""


def check_stacks(content: bytes) -> None:
    """LinkError when an entry point of the ELF file `content` may need more stack than there is, or has no bound."""
    analysis = StackAnalysis(ProgramFile(content))
    uses = [analysis.deepest(entry) for entry in analysis.entries]
    below = nested_bytes(uses)
    for use in uses:
        size = BOOT_STACK_SIZE if use.entry == BOOT_ENTRY else STACK_SIZE
        if use.entry not in LAST_WORDS and use.bytes + below > size:
            calls = "\n".join(f"    {name}" for name in use.path)
            message = f"{use.entry} may need {use.bytes} bytes of stack, and traps in it {below}; there are {size}"
            raise LinkError(f"{message}:\n{calls}")
        if use.unbounded:
            raise LinkError(f"{use.entry} reaches a recursion without a bound: {', '.join(use.unbounded[0])}")


def nested_bytes(uses: list[StackUse]) -> int:
    """The bytes that traps take on top of what they interrupt."""
    known = {use.entry: use.bytes for use in uses}
    trap = size_of(TrapFrame) + CALL_FRAME + known.get(HANDLER, 0)
    return NESTED_TRAPS * trap + max(known.get(name, 0) for name in LAST_WORDS)
