"""/proc/containers: the containers that the reader's own one has made, for programs that list them.

One line each, in the order of their making: number, stage, processes, pages, the most pages ever, the limit of pages
(0: none), and last, as it may have spaces, the name. In that a newline or backslash is octal, as in /proc/mounts.
"""

from __future__ import annotations

from codegen.lang import Fallible, Slice, struct, u8, u64
from kernel.base.writer import Writer
from kernel.files.inode import Inode, View
from kernel.memory.account import NO_LIMIT
from kernel.sched.cpu import current
from kernel.sched.preemption import Freezing, preemption_point

LINES_IN_STEP: u64 = 64
NEWLINE: u8 = 0x0A
BACKSLASH: u8 = 0x5C


@struct
class Containers(View):
    """containers: those inside the container that asks, but not those inside them.

    Others run after every LINES_IN_STEP lines, and any container may be gone then: it goes on behind the last number.
    """

    def produce(self, inode: Inode, writer: Writer) -> Fallible[None]:
        writer.text(b"id stage processes pages peak limit name\n")
        top = current().process.container
        container = top.children.first
        lines: u64 = 0
        while container is not None:
            pages = container.account.pages
            limit: u64 = 0 if pages.limit == NO_LIMIT else pages.limit
            writer(f"{container.id} {container.stage} {container.processes.count} ")
            writer(f"{pages.used.load()} {pages.peak} {limit} ")
            write_name(container.name[0 : container.name_length], writer)
            lines += 1
            if lines % LINES_IN_STEP == 0:
                last = container.id
                preemption_point(Freezing.LATER)
                container = top.child_after(last)
            else:
                container = container.sibling_link.next


def write_name(name: Slice[u8], writer: Writer) -> None:
    """The name, and the end of the line."""
    for place in range(u64(len(name))):
        if name[place] == NEWLINE:
            writer.text(b"\\012")
        elif name[place] == BACKSLASH:
            writer.text(b"\\134")
        else:
            writer.text(name[place : place + 1])
    writer.text(b"\n")
