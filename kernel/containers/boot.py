"""The boot container: its file system is the boot archive, its first process the agent."""

from __future__ import annotations

from codegen.lang import Errno, Fallible, Fd, deferred, local
from kernel.base.log import log
from kernel.containers.abi import ContainerStage
from kernel.containers.container import BOOT
from kernel.devices.channel import channel_file
from kernel.devices.serial import console_file
from kernel.files.archive import unpack
from kernel.files.mounts import SHARED
from kernel.files.path import Lookup
from kernel.files.ramfs import RamFs, create_file_system
from kernel.files.table import create_table
from kernel.machine.pvh import StartInfo
from kernel.net.stack import create_stack
from kernel.process.arguments import Arguments
from kernel.process.process import make_process
from kernel.process.program import Program
from kernel.process.start import start_program
from kernel.views.console import lead_to_terminals

AGENT = b"/agent"
CHANNEL_FD = Fd(3)


def prepare_boot_container(info: StartInfo) -> Fallible[None]:
    """Make container 1 out of the boot archive."""
    BOOT.prepare(None, b"boot")
    BOOT.set_hostname(b"pithos")
    BOOT.network = create_stack(BOOT.files, BOOT.id)
    BOOT.file_system = create_file_system(BOOT.account, None)
    if info.module_count > 0:
        module = info.module(0)
        try:
            count = unpack(module.contents(), module.start, BOOT.file_system)
            log(f"boot archive: {count} entries")
        except Errno as error:
            log(f"boot archive: error {error.code}: it is damaged, or does not fit into memory")
            raise


def show_shared_trees(devices: RamFs, processes: RamFs) -> Fallible[None]:
    """Let container 1, and every one that is made from now on, have the kernel's /dev and /proc."""
    lead_to_terminals(devices.root)
    SHARED.devices = devices
    SHARED.processes = processes
    BOOT.mounts.prepare(BOOT.file_system)


def start_agent() -> Fallible[None]:
    """Start the agent: fd 0, 1 and 2 are the console, 3 is the channel to the harness."""
    process = make_process(BOOT, None)
    files = create_table(BOOT.account)
    process.files = files
    console = console_file(BOOT.files)
    for number in range(3):
        files.replace(console, False, Fd(number))
    files.replace(channel_file(BOOT.files), False, CHANNEL_FD)
    root = BOOT.root
    process.paths.begin(root, root)
    lookup = local(Lookup)
    lookup.root = root
    lookup.directory = root
    lookup.credentials = process.credentials
    arguments = local(Arguments)
    arguments.prepare(BOOT.account.heap)
    with deferred(arguments.release):
        arguments.add(AGENT)
        arguments.argument_count = 1
        program = local(Program)
        program.account = BOOT.account
        program.lookup = lookup
        program.arguments = arguments
        start_program(process, program, AGENT)
    BOOT.init = process
    BOOT.stage = ContainerStage.RUNNING
