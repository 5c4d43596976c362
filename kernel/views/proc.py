"""/proc: what a process sees of itself, its container and the machine (proc(5)).

Interface: `create_proc` makes the tree once; every container mounts a layer of its own over it
(kernel/files/mounts.py). The texts are made when they are read, for the process that reads them, and the folders of
processes belong to each container: so one tree serves all, and nothing of another container can appear.

A file more is a line in one of the tables here, and the function that it names.
"""

from __future__ import annotations

from codegen.lang import Fallible, comptime
from kernel.files.attributes import Kind
from kernel.files.made import Guard, MadeFile, MadeLink
from kernel.files.mount_kind import MountKind
from kernel.files.ramfs import RamFs, create_file_system
from kernel.memory.account import Account
from kernel.views import (
    accounting,
    attributes,
    descriptors,
    ipc,
    links,
    maps,
    memory_files,
    memory_information,
    memory_text,
    mounts,
    net,
    oom,
    processors,
    stat,
    status,
    system,
    usage,
)
from kernel.views.map_files import Mappings
from kernel.views.namespaces import Namespace, namespace
from kernel.views.nodes import (
    FOLDER_PERMISSIONS,
    add_node,
    file,
    fixed,
    folder,
    folder_in,
    link,
    make_records,
    records,
    text,
)
from kernel.views.populations import Descriptors, Processes, Threads
from kernel.views.settings import SETTINGS
from kernel.views.text import Binding, no_text


@comptime
def make_descriptors(made: MadeFile | None, made_link: MadeLink | None, tag: int) -> Descriptors:
    """The one that makes the entries of `fd` or `fdinfo`."""
    descriptors = Descriptors()
    descriptors.made = made
    descriptors.made_link = made_link
    descriptors.tag = tag
    return descriptors


PROCESSES = Processes()
THREADS = Threads()
DESCRIPTOR_LINK = links.DescriptorLink()
DESCRIPTOR_FILE = make_records(descriptors.write_descriptor)

ROOT = (
    link(b"self", links.Self()),
    link(b"thread-self", links.ThreadSelf()),
    link(b"mounts", links.fixed(b"self/mounts")),
    link(b"net", links.fixed(b"self/net")),
    text(b"buddyinfo", memory_information.write_free_blocks),
    fixed(b"cgroups", b"#subsys_name\thierarchy\tnum_cgroups\tenabled\n"),
    text(b"cmdline", system.write_command_line),
    text(b"consoles", system.write_consoles),
    records(b"cpuinfo", processors.write_cpu_information),
    fixed(b"crypto", b""),
    fixed(b"devices", system.DEVICES),
    fixed(b"diskstats", b""),
    fixed(b"execdomains", b"0-0\tLinux           \t[kernel]\n"),
    text(b"filesystems", system.write_file_systems),
    text(b"interrupts", processors.write_interrupts),
    fixed(b"key-users", b""),
    text(b"loadavg", system.write_load_average),
    text(b"meminfo", memory_information.write_memory_information),
    fixed(b"misc", b""),
    fixed(b"modules", b""),
    fixed(b"partitions", b"major minor  #blocks  name\n\n"),
    fixed(b"slabinfo", system.SLABS, 0o400),
    text(b"softirqs", processors.write_soft_interrupts),
    records(b"stat", processors.write_statistics),
    fixed(b"swaps", b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
    fixed(b"tty/drivers", system.TERMINAL_DRIVERS, 0o444),
    fixed(b"tty/ldiscs", b"n_tty       0\n"),
    records(b"sysvipc/shm", ipc.write_segments),
    text(b"uptime", processors.write_uptime),
    text(b"version", system.write_version),
    text(b"vmstat", memory_information.write_memory_statistics),
    text(b"zoneinfo", memory_information.write_zones),
)
"""What is in /proc beside processes and settings."""

BOTH = (
    link(b"cwd", links.WorkingDirectory()),
    link(b"exe", links.Executable()),
    link(b"root", links.Root()),
    records(b"auxv", memory_text.write_auxiliary_vector, 0o400, Binding.LIVING_MEMORY),
    text(b"cgroup", system.write_control_group),
    text(b"clear_refs", no_text, 0o200, memory_files.take_clear),
    records(b"cmdline", memory_text.write_command_line),
    text(b"comm", attributes.write_name, 0o644, attributes.take_name),
    fixed(b"cpuset", b"/\n"),
    records(b"environ", memory_text.write_environment, 0o400, Binding.LIVING_MEMORY),
    text(b"gid_map", attributes.write_id_map, 0o644, attributes.take_id_map),
    text(b"io", accounting.write_transfers, 0o400),
    text(b"limits", attributes.write_limits),
    text(b"loginuid", attributes.write_login, 0o644, attributes.take_login),
    records(b"maps", maps.write_map, 0o444, Binding.MEMORY),
    file(b"mem", memory_files.MEMORY, 0o600),
    text(b"mountinfo", mounts.write_mount_information, binding=Binding.PROCESS),
    text(b"mounts", mounts.write_mounts, binding=Binding.PROCESS),
    fixed(b"net/dev", system.NETWORK_DEVICES),
    text(b"net/unix", net.write_unix_sockets),
    folder(b"ns", 0o511, None),
    link(b"ns/cgroup", namespace(Namespace.GROUPS, b"cgroup")),
    link(b"ns/ipc", namespace(Namespace.COMMUNICATION, b"ipc")),
    link(b"ns/mnt", namespace(Namespace.MOUNTS, b"mnt")),
    link(b"ns/net", namespace(Namespace.NETWORK, b"net")),
    link(b"ns/pid", namespace(Namespace.PROCESSES, b"pid", True)),
    link(b"ns/pid_for_children", namespace(Namespace.PROCESSES, b"pid")),
    link(b"ns/time", namespace(Namespace.TIME, b"time")),
    link(b"ns/time_for_children", namespace(Namespace.TIME, b"time")),
    link(b"ns/user", namespace(Namespace.USERS, b"user", True)),
    link(b"ns/uts", namespace(Namespace.NAMES, b"uts")),
    records(b"numa_maps", maps.write_node_map, 0o444, Binding.MEMORY),
    text(b"oom_adj", oom.write_old_adjustment, 0o644, oom.take_old_adjustment),
    text(b"oom_score", oom.write_score),
    text(b"oom_score_adj", oom.write_adjustment, 0o644, oom.take_adjustment),
    file(b"pagemap", memory_files.PAGE_MAP, 0o400),
    text(b"personality", attributes.write_personality, 0o400),
    text(b"projid_map", attributes.write_id_map, 0o644, attributes.take_id_map),
    text(b"sched", accounting.write_schedule, 0o644),
    text(b"schedstat", accounting.write_run_time),
    fixed(b"sessionid", b"4294967295"),
    text(b"setgroups", attributes.write_set_groups, 0o644, attributes.take_id_map),
    records(b"smaps", usage.write_mapping_usage, 0o444, Binding.MEMORY),
    text(b"smaps_rollup", usage.write_usage_rollup, binding=Binding.LIVING_MEMORY),
    text(b"stack", accounting.refuse_stack, 0o400),
    text(b"stat", stat.write_stat),
    text(b"statm", stat.write_memory_stat),
    text(b"status", status.write_status),
    text(b"syscall", accounting.write_call, 0o400),
    text(b"uid_map", attributes.write_id_map, 0o644, attributes.take_id_map),
    text(b"wchan", accounting.write_nothing),
)
"""What the folders of processes and of threads have alike."""

PROCESS = (
    *BOTH,
    text(b"coredump_filter", attributes.write_core_filter, 0o644, attributes.take_core_filter),
    folder(b"fd", 0o500, make_descriptors(None, DESCRIPTOR_LINK, 0), Guard.OPEN_TO_ITSELF),
    folder(b"fdinfo", 0o555, make_descriptors(DESCRIPTOR_FILE, None, 1), Guard.TRACERS_ONLY),
    folder(b"map_files", 0o500, Mappings(), Guard.OPEN_TO_ITSELF),
    text(b"mountstats", mounts.write_mount_statistics, 0o400, binding=Binding.PROCESS),
    folder(b"task", 0o555, THREADS),
    fixed(b"timens_offsets", b"monotonic           0         0\nboottime            0         0\n", 0o644),
    records(b"timers", accounting.write_timers, 0o444, Binding.TRACED),
    text(b"timerslack_ns", attributes.write_timer_slack, 0o666, attributes.take_timer_slack),
)
THREAD = (
    *BOTH,
    records(b"children", accounting.write_children),
    folder(b"fd", 0o500, make_descriptors(None, DESCRIPTOR_LINK, 2), Guard.OPEN_TO_ITSELF),
    folder(b"fdinfo", 0o555, make_descriptors(DESCRIPTOR_FILE, None, 3), Guard.TRACERS_ONLY),
)


def create_proc(account: Account) -> Fallible[RamFs]:
    """The tree of /proc, charged to `account`."""
    fs = create_file_system(account, None, MountKind.PROC)
    fs.root.described.permissions = FOLDER_PERMISSIONS
    fs.root.population = PROCESSES
    PROCESSES.template = fs.new_inode(Kind.DIRECTORY, FOLDER_PERMISSIONS, 0, 0)
    THREADS.template = fs.new_inode(Kind.DIRECTORY, FOLDER_PERMISSIONS, 0, 0)
    for node in ROOT:
        add_node(fs.root, node)
    for node in PROCESS:
        add_node(PROCESSES.template, node)
    for node in THREAD:
        add_node(THREADS.template, node)
    folder_in(fs.root, b"sys").described.is_strict = True
    for node in SETTINGS:
        add_node(fs.root, node)
    return fs
