"""Settings: /proc/sys, as far as programs ask for it (proc(5))."""

from __future__ import annotations

from codegen.lang import comptime
from kernel.base.release import RELEASE, SYSTEM
from kernel.files.credentials import GROUPS_MAX
from kernel.files.lease import BREAK_TIME
from kernel.files.table import DESCRIPTORS_MAX
from kernel.files.user_counts import PIPE_PAGES_SOFT, PIPE_SIZE_MAX, QUEUES_MAX, WATCHES_MAX
from kernel.files.watch import EVENTS_MAX
from kernel.net.socket.options import BUFFER_DEFAULT
from kernel.views import ipc, net, system
from kernel.views.nodes import Node, fixed, text


@comptime
def number(path: bytes, value: int) -> Node:
    """A number that nobody can change."""
    return fixed(b"sys/" + path, b"%d\n" % value)


SETTINGS = (
    number(b"fs/dir-notify-enable", 1),
    number(b"fs/inotify/max_queued_events", EVENTS_MAX),
    number(b"fs/inotify/max_user_instances", QUEUES_MAX),
    number(b"fs/inotify/max_user_watches", WATCHES_MAX),
    number(b"fs/lease-break-time", BREAK_TIME),
    number(b"fs/leases-enable", 1),
    number(b"fs/nr_open", DESCRIPTORS_MAX),
    number(b"fs/pipe-max-size", PIPE_SIZE_MAX),
    number(b"fs/pipe-user-pages-hard", 0),
    number(b"fs/pipe-user-pages-soft", PIPE_PAGES_SOFT),
    number(b"kernel/cap_last_cap", 40),
    fixed(b"sys/kernel/core_pattern", b"\n"),  # empty: no cores are written (core(5))
    number(b"kernel/core_uses_pid", 0),
    text(b"sys/kernel/hostname", system.write_host_name),
    number(b"kernel/ngroups_max", GROUPS_MAX),
    fixed(b"sys/kernel/ostype", SYSTEM + b"\n"),
    fixed(b"sys/kernel/osrelease", RELEASE + b"\n"),
    number(b"kernel/pid_max", 4_194_304),
    text(b"sys/kernel/random/boot_id", system.write_boot_id),
    number(b"kernel/random/entropy_avail", 256),
    number(b"kernel/random/poolsize", 256),
    text(b"sys/kernel/random/uuid", system.write_unique_id),
    number(b"kernel/shm_rmid_forced", 0),
    text(b"sys/kernel/shmall", ipc.write_pages_max, 0o644, ipc.take_pages_max),
    text(b"sys/kernel/shmmax", ipc.write_largest, 0o644, ipc.take_largest),
    text(b"sys/kernel/shmmni", ipc.write_count_max, 0o644, ipc.take_count_max),
    number(b"kernel/threads-max", 4_194_304),
    number(b"net/core/rmem_default", BUFFER_DEFAULT),
    number(b"net/core/rmem_max", BUFFER_DEFAULT),
    text(b"sys/net/core/somaxconn", net.write_backlog_max, 0o644, net.take_backlog_max),
    number(b"net/core/wmem_default", BUFFER_DEFAULT),
    number(b"net/core/wmem_max", BUFFER_DEFAULT),
    text(b"sys/net/unix/max_dgram_qlen", net.write_datagram_queue, 0o644, net.take_datagram_queue),
    number(b"vm/overcommit_memory", 0),
)
