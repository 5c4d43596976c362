"""Settings: /proc/sys, as far as programs ask for it (proc(5))."""

from __future__ import annotations

from codegen.lang import comptime
from kernel.files.table import DESCRIPTORS_MAX
from kernel.views import system
from kernel.views.nodes import Node, fixed, text


@comptime
def number(path: bytes, value: int) -> Node:
    """A number that nobody can change."""
    return fixed(b"sys/" + path, b"%d\n" % value)


SETTINGS = (
    number(b"fs/nr_open", DESCRIPTORS_MAX),
    number(b"kernel/cap_last_cap", 40),
    text(b"sys/kernel/hostname", system.write_host_name),
    number(b"kernel/ngroups_max", 65_536),
    fixed(b"sys/kernel/ostype", b"Linux\n"),
    fixed(b"sys/kernel/osrelease", b"6.1.0-pithos\n"),
    number(b"kernel/pid_max", 4_194_304),
    text(b"sys/kernel/random/boot_id", system.write_boot_id),
    number(b"kernel/random/entropy_avail", 256),
    number(b"kernel/random/poolsize", 256),
    text(b"sys/kernel/random/uuid", system.write_unique_id),
    number(b"kernel/threads-max", 4_194_304),
    number(b"vm/overcommit_memory", 0),
)
