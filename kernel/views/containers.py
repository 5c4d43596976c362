"""/proc/containers: the containers that the reader's own one has made, for programs that list them.

One line each, in the order of their making: number, stage, processes, pages, the most pages ever, the limit of pages
(0: none), and last, as it may have spaces, the name. In that a newline or backslash is octal, as in /proc/mounts.
"""

from __future__ import annotations

from codegen.lang import Fallible, Slice, u8, u64
from kernel.base.writer import Writer
from kernel.files.inode import Inode
from kernel.memory.account import NO_LIMIT
from kernel.sched.cpu import current
from kernel.views.text import END

LINES_IN_RECORD: u64 = 32
NEWLINE: u8 = 0x0A
BACKSLASH: u8 = 0x5C


def write_containers(inode: Inode, writer: Writer, key: u64) -> Fallible[u64]:
    """The lines of the next containers with numbers from `key` on, and before the first what the columns are."""
    if key == 0:
        writer.text(b"id stage processes pages peak limit name\n")
        return 1
    container = current().process.container.child_after(key - 1)
    following = key
    lines: u64 = 0
    while container is not None and lines < LINES_IN_RECORD:
        pages = container.account.pages
        limit: u64 = 0 if pages.limit == NO_LIMIT else pages.limit
        writer(f"{container.id} {container.stage} {container.processes.count} ")
        writer(f"{pages.used.load()} {pages.peak} {limit} ")
        write_name(container.name[0 : container.name_length], writer)
        following = container.id + 1
        container = container.sibling_link.next
        lines += 1
    return END if container is None else following


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
