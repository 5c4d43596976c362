"""/proc: what a process sees of itself, its container and the machine (proc(5)).

Interface: `create_proc` makes the tree once; every container shows it by `RamFs.cover`. The texts are made
when they are read, for the process that reads them, and the folders of processes belong to each container: so one tree
serves all, and nothing of another container can appear.
"""

from __future__ import annotations

from codegen.lang import Fallible, Slice, comptime, deferred, u8, u32
from kernel.files import tree
from kernel.files.attributes import Kind
from kernel.files.inode import Inode, MagicLink, Population, TextReceiver, View
from kernel.files.ramfs import RamFs, create_file_system
from kernel.files.table import DESCRIPTORS_MAX
from kernel.memory.account import Account
from kernel.net.socket.options import BUFFER_DEFAULT
from kernel.views import attributes, ipc, links, maps, net, processors, status, system, usage
from kernel.views.populations import Descriptors, Processes, Threads

PROC_LAYER = 4097
"""Inode numbers of their own for /proc, away from those of any container's layers."""


@comptime
def make_descriptors() -> Descriptors:
    """The one that makes the links of `fd`."""
    descriptors = Descriptors()
    descriptors.view = DESCRIPTOR_LINK
    descriptors.magic = DESCRIPTOR_LINK
    return descriptors


@comptime
def make_setting(value: int) -> system.Setting:
    """A number below sys."""
    setting = system.Setting()
    setting.value = value
    return setting


SELF = links.Self()
THREAD_SELF = links.ThreadSelf()
EXECUTABLE = links.Executable()
WORKING_DIRECTORY = links.WorkingDirectory()
ROOT = links.Root()
DESCRIPTOR_LINK = links.DescriptorLink()
DESCRIPTORS = make_descriptors()
PROCESSES = Processes()
THREADS = Threads()
COMMAND_NAME = attributes.CommandName()
ENVIRONMENT = attributes.Environment()
AUXILIARY_VECTOR = attributes.AuxiliaryVector()
RESOURCE_LIMITS = attributes.ResourceLimits()
CONTROL_GROUP = attributes.ControlGroup()
OOM_SCORE = attributes.OomScore()
OOM_ADJUSTMENT = attributes.OomAdjustment()
PERSONALITY = attributes.Personality()
MAPPING_USAGE = usage.MappingUsage()
USAGE_ROLLUP = usage.UsageRollup()
UNIQUE_ID = system.UniqueId()
BOOT_ID = system.BootId()
COMMAND_LINE = status.CommandLine()
STAT = status.Stat()
STATUS = status.Status()
MEMORY_STAT = usage.MemoryStat()
MAPS = maps.Maps()
MEMORY_INFORMATION = system.MemoryInformation()
UPTIME = processors.Uptime()
LOAD_AVERAGE = system.LoadAverage()
STATISTICS = processors.Statistics()
VERSION = system.Version()
CPU_INFORMATION = processors.CpuInformation()
FILE_SYSTEMS = system.FileSystems()
MOUNTS = system.Mounts()
MOUNT_INFORMATION = system.MountInformation()
HOST_NAME = system.HostName()
SYSTEM_TYPE = system.SystemType()
SYSTEM_RELEASE = system.SystemRelease()
PID_MAX = make_setting(4_194_304)
GROUPS_MAX = make_setting(65_536)
LAST_CAPABILITY = make_setting(40)
OVERCOMMIT = make_setting(0)
ENTROPY = make_setting(256)
OPEN_MAX = make_setting(DESCRIPTORS_MAX)
SEGMENTS = ipc.Segments()
LARGEST_SEGMENT = ipc.LargestSegment()
SEGMENT_PAGES = ipc.SegmentPages()
SEGMENT_COUNT = ipc.SegmentCount()
REMOVE_FORCED = make_setting(0)
UNIX_SOCKETS = net.UnixSockets()
DATAGRAM_QUEUE = net.DatagramQueue()
BACKLOG_MAX = net.BacklogMax()
SOCKET_BUFFER = make_setting(BUFFER_DEFAULT)


def create_proc(account: Account) -> Fallible[RamFs]:
    """The tree of /proc, charged to `account`."""
    fs = create_file_system(account, None, PROC_LAYER)
    PROCESSES.template = make_template(fs)
    THREADS.template = make_thread_template(fs)
    fs.root.population = PROCESSES
    add_link(fs.root, b"self", SELF, None)
    add_link(fs.root, b"thread-self", THREAD_SELF, None)
    add_view(fs.root, b"meminfo", MEMORY_INFORMATION)
    add_view(fs.root, b"uptime", UPTIME)
    add_view(fs.root, b"loadavg", LOAD_AVERAGE)
    add_view(fs.root, b"stat", STATISTICS)
    add_view(fs.root, b"version", VERSION)
    add_view(fs.root, b"cpuinfo", CPU_INFORMATION)
    add_view(fs.root, b"filesystems", FILE_SYSTEMS)
    mounts = fs.new_inode(Kind.SYMLINK, 0o777, 0, 0)
    with deferred(mounts.drop):
        fs.set_target(mounts, b"self/mounts")
        tree.attach(fs.root, b"mounts", mounts)
    numbered = add_folder(fs.root, b"sysvipc", 0o555, None)
    add_view(numbered, b"shm", SEGMENTS)
    network = fs.new_inode(Kind.SYMLINK, 0o777, 0, 0)
    with deferred(network.drop):
        fs.set_target(network, b"self/net")
        tree.attach(fs.root, b"net", network)
    add_settings(fs.root)
    return fs


def make_template(fs: RamFs) -> Fallible[Inode]:
    """What every folder of a process shows; it has no name itself."""
    template = fs.new_inode(Kind.DIRECTORY, 0o555, 0, 0)
    add_views(template)
    add_folder(template, b"task", 0o555, THREADS)
    return template


def make_thread_template(fs: RamFs) -> Fallible[Inode]:
    """What every folder of a thread shows."""
    template = fs.new_inode(Kind.DIRECTORY, 0o555, 0, 0)
    add_views(template)
    return template


def add_views(parent: Inode) -> Fallible[None]:
    """What there is of a process and a thread alike."""
    add_link(parent, b"exe", EXECUTABLE, EXECUTABLE)
    add_link(parent, b"cwd", WORKING_DIRECTORY, WORKING_DIRECTORY)
    add_link(parent, b"root", ROOT, ROOT)
    add_view(parent, b"comm", COMMAND_NAME, COMMAND_NAME)
    add_view(parent, b"environ", ENVIRONMENT)
    add_view(parent, b"auxv", AUXILIARY_VECTOR)
    add_view(parent, b"limits", RESOURCE_LIMITS)
    add_view(parent, b"cgroup", CONTROL_GROUP)
    add_view(parent, b"oom_score", OOM_SCORE)
    add_view(parent, b"oom_score_adj", OOM_ADJUSTMENT)
    add_view(parent, b"personality", PERSONALITY)
    add_view(parent, b"smaps", MAPPING_USAGE)
    add_view(parent, b"smaps_rollup", USAGE_ROLLUP)
    add_view(parent, b"cmdline", COMMAND_LINE)
    add_view(parent, b"stat", STAT)
    add_view(parent, b"status", STATUS)
    add_view(parent, b"statm", MEMORY_STAT)
    add_view(parent, b"maps", MAPS)
    add_view(parent, b"mounts", MOUNTS)
    add_view(parent, b"mountinfo", MOUNT_INFORMATION)
    add_folder(parent, b"fd", 0o500, DESCRIPTORS)
    network = add_folder(parent, b"net", 0o555, None)
    add_view(network, b"unix", UNIX_SOCKETS)


def add_settings(root: Inode) -> Fallible[None]:
    """/proc/sys, as far as programs ask for it."""
    settings = add_folder(root, b"sys", 0o555, None)
    kernel = add_folder(settings, b"kernel", 0o555, None)
    add_view(kernel, b"hostname", HOST_NAME)
    add_view(kernel, b"ostype", SYSTEM_TYPE)
    add_view(kernel, b"osrelease", SYSTEM_RELEASE)
    add_view(kernel, b"pid_max", PID_MAX)
    add_view(kernel, b"ngroups_max", GROUPS_MAX)
    add_view(kernel, b"cap_last_cap", LAST_CAPABILITY)
    add_view(kernel, b"threads-max", PID_MAX)
    add_view(kernel, b"shmmax", LARGEST_SEGMENT, LARGEST_SEGMENT)
    add_view(kernel, b"shmall", SEGMENT_PAGES, SEGMENT_PAGES)
    add_view(kernel, b"shmmni", SEGMENT_COUNT, SEGMENT_COUNT)
    add_view(kernel, b"shm_rmid_forced", REMOVE_FORCED)
    random = add_folder(kernel, b"random", 0o555, None)
    add_view(random, b"uuid", UNIQUE_ID)
    add_view(random, b"boot_id", BOOT_ID)
    add_view(random, b"entropy_avail", ENTROPY)
    add_view(random, b"poolsize", ENTROPY)
    files = add_folder(settings, b"fs", 0o555, None)
    add_view(files, b"nr_open", OPEN_MAX)
    network = add_folder(settings, b"net", 0o555, None)
    core = add_folder(network, b"core", 0o555, None)
    add_view(core, b"somaxconn", BACKLOG_MAX, BACKLOG_MAX)
    for name in (b"rmem_default", b"rmem_max", b"wmem_default", b"wmem_max"):
        add_view(core, name, SOCKET_BUFFER)
    local_sockets = add_folder(network, b"unix", 0o555, None)
    add_view(local_sockets, b"max_dgram_qlen", DATAGRAM_QUEUE, DATAGRAM_QUEUE)
    memory = add_folder(settings, b"vm", 0o555, None)
    add_view(memory, b"overcommit_memory", OVERCOMMIT)


def add_folder(parent: Inode, name: Slice[u8], permissions: u32, population: Population | None) -> Fallible[Inode]:
    """Make a folder in `parent`; it is lent."""
    folder = parent.fs.new_inode(Kind.DIRECTORY, permissions, 0, 0)
    with deferred(folder.drop):
        folder.population = population
        tree.attach(parent, name, folder)
    return folder


def add_view(parent: Inode, name: Slice[u8], view: View, receiver: TextReceiver | None = None) -> Fallible[None]:
    """Make a file in `parent` whose text `view` makes, and `receiver`, if there is one, takes."""
    inode = parent.fs.new_inode(Kind.REGULAR, 0o444 if receiver is None else 0o666, 0, 0)
    with deferred(inode.drop):
        inode.view = view
        inode.receiver = receiver
        tree.attach(parent, name, inode)


def add_link(parent: Inode, name: Slice[u8], view: View, magic: MagicLink | None) -> Fallible[None]:
    """Make a link in `parent` whose text `view` makes, and which `magic` follows."""
    inode = parent.fs.new_inode(Kind.SYMLINK, 0o777, 0, 0)
    with deferred(inode.drop):
        inode.view = view
        inode.magic = magic
        tree.attach(parent, name, inode)
