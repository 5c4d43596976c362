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
from kernel.views import attributes, links, maps, memory_text, mounts, processors, stat, status, system, usage
from kernel.views.nodes import FOLDER_PERMISSIONS, add_node, folder, folder_in, link, records, text
from kernel.views.populations import Descriptors, Processes, Threads
from kernel.views.settings import SETTINGS
from kernel.views.text import Binding


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

ROOT = (
    link(b"self", links.Self()),
    link(b"thread-self", links.ThreadSelf()),
    link(b"mounts", links.fixed(b"self/mounts")),
    records(b"cpuinfo", processors.write_cpu_information),
    text(b"filesystems", system.write_file_systems),
    text(b"loadavg", system.write_load_average),
    text(b"meminfo", system.write_memory_information),
    records(b"stat", processors.write_statistics),
    text(b"uptime", processors.write_uptime),
    text(b"version", system.write_version),
)
"""What is in /proc beside processes and settings."""

BOTH = (
    link(b"cwd", links.WorkingDirectory()),
    link(b"exe", links.Executable()),
    link(b"root", links.Root()),
    records(b"auxv", memory_text.write_auxiliary_vector, 0o400, Binding.LIVING_MEMORY),
    text(b"cgroup", attributes.write_control_group),
    records(b"cmdline", memory_text.write_command_line),
    text(b"comm", attributes.write_name, 0o644, attributes.take_name),
    records(b"environ", memory_text.write_environment, 0o400, Binding.LIVING_MEMORY),
    text(b"limits", attributes.write_limits),
    records(b"maps", maps.write_map, 0o444, Binding.MEMORY),
    text(b"mountinfo", mounts.write_mount_information, binding=Binding.PROCESS),
    text(b"mounts", mounts.write_mounts, binding=Binding.PROCESS),
    text(b"mountstats", mounts.write_mount_statistics, 0o400, binding=Binding.PROCESS),
    text(b"oom_score", attributes.write_oom_score),
    text(b"oom_score_adj", attributes.write_oom_adjustment),
    text(b"personality", attributes.write_personality, 0o400),
    records(b"smaps", usage.write_mapping_usage, 0o444, Binding.MEMORY),
    text(b"smaps_rollup", usage.write_usage_rollup, binding=Binding.LIVING_MEMORY),
    text(b"stat", stat.write_stat),
    text(b"statm", stat.write_memory_stat),
    text(b"status", status.write_status),
)
"""What the folders of processes and of threads have alike."""

PROCESS = (
    *BOTH,
    folder(b"fd", 0o500, make_descriptors(None, DESCRIPTOR_LINK, 0), Guard.OPEN_TO_ITSELF),
    folder(b"task", 0o555, THREADS),
)
THREAD = (
    *BOTH,
    folder(b"fd", 0o500, make_descriptors(None, DESCRIPTOR_LINK, 1), Guard.OPEN_TO_ITSELF),
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
