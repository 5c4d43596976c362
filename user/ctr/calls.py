"""The system calls that ctr makes; each gives the kernel's answer, -4095 to -1 for an error."""

from __future__ import annotations

from codegen.lang import (
    MutableSlice,
    Slice,
    UserAddr,
    address_of,
    fill,
    i64,
    load,
    local_array,
    size_of,
    u8,
    u32,
    u64,
)
from kernel.containers.abi import VERSION, ContainerConfig, ContainerState, RunSpec
from user.lib.system import system_call

OPEN: u64 = 2
CLOSE: u64 = 3
POLL: u64 = 7
SIGPROCMASK: u64 = 14
IOCTL: u64 = 16
WAITID: u64 = 247
SIGNALFD4: u64 = 289
PIDFD_SEND_SIGNAL: u64 = 424
CREATE_CONTAINER: u64 = 1000
RUN_IN_CONTAINER: u64 = 1001
DESTROY_CONTAINER: u64 = 1002
CONTROL_CONTAINER: u64 = 1003
QUERY_CONTAINER: u64 = 1004
UPDATE_CONTAINER: u64 = 1005
OPEN_CONTAINER: u64 = 1006

READ_ONLY: u64 = 0
READ_WRITE: u64 = 2
NONBLOCKING: u64 = 0o4000
NO_TERMINAL: u64 = 0o400
"""Flags of open(2)."""

P_PIDFD: u64 = 3
WEXITED: u64 = 4
SIGNAL_INFO_SIZE = 128
CODE: u64 = 8
STATUS: u64 = 24
"""waitid(2), and where in its siginfo_t si_code and si_status are."""
CLD_EXITED: u32 = 1
SIGNALLED: u32 = 128

FOR_EVER: u64 = (1 << 64) - 1


def open_file(path: Slice[u8], flags: u64) -> i64:
    """open(2). `path` ends with a NUL."""
    return system_call(OPEN, address_of(path), flags, 0, 0, 0, 0)


def close(fd: u64) -> None:
    """close(2)."""
    system_call(CLOSE, fd, 0, 0, 0, 0, 0)


def control(fd: u64, request: u64, argument: u64) -> i64:
    """ioctl(2)."""
    return system_call(IOCTL, fd, request, argument, 0, 0, 0)


def read_from(fd: u64, destination: MutableSlice[u8]) -> i64:
    """read(2)."""
    length = len(destination)
    return system_call(0, fd, address_of(destination), u64(length), 0, 0, 0)


def write_to(fd: u64, source: Slice[u8]) -> i64:
    """write(2)."""
    length = len(source)
    return system_call(1, fd, address_of(source), u64(length), 0, 0, 0)


def prepare_config(config: ContainerConfig) -> None:
    """Fill in what each ContainerConfig begins with."""
    config.size = size_of(ContainerConfig)
    config.version = VERSION


def name_container(config: ContainerConfig, name: Slice[u8], hostname: Slice[u8], root: Slice[u8]) -> None:
    """Fill in the texts."""
    config.name = UserAddr(address_of(name))
    config.name_length = u64(len(name))
    config.hostname = UserAddr(address_of(hostname))
    config.hostname_length = u64(len(hostname))
    config.root = UserAddr(address_of(root))
    config.root_length = u64(len(root))


def create_container(config: ContainerConfig) -> i64:
    """A descriptor of a new container."""
    return system_call(CREATE_CONTAINER, address_of(config), size_of(ContainerConfig), 0, 0, 0, 0)


def run_in_container(container: u64, spec: RunSpec, path: Slice[u8]) -> i64:
    """A pidfd of a new process that runs the program at `path`."""
    spec.size = size_of(RunSpec)
    spec.version = VERSION
    spec.path = UserAddr(address_of(path))
    spec.path_length = u64(len(path))
    return system_call(RUN_IN_CONTAINER, container, address_of(spec), size_of(RunSpec), 0, 0, 0)


def destroy_container(container: u64) -> i64:
    """Destroy it with all in it."""
    return system_call(DESTROY_CONTAINER, container, 0, 0, 0, 0, 0)


def control_container(container: u64, operation: u32, argument: u64) -> i64:
    """Freeze, thaw, kill or signal it."""
    return system_call(CONTROL_CONTAINER, container, u64(operation), argument, 0, 0, 0)


def query_container(container: u64, state: ContainerState) -> i64:
    """Ask for its state."""
    return system_call(QUERY_CONTAINER, container, address_of(state), size_of(ContainerState), 0, 0, 0)


def update_container(container: u64, pages: u64, processes: u64, weight: u64, cpu: u64) -> i64:
    """Give it other limits."""
    return system_call(UPDATE_CONTAINER, container, pages, processes, weight, cpu, 0)


def open_container(number: u64) -> i64:
    """A descriptor of the container with this number."""
    return system_call(OPEN_CONTAINER, number, 0, 0, 0, 0, 0)


def wait_for(process: u64) -> u32:
    """Wait for the process behind a pidfd; its exit status, or 128 and the signal that ended it."""
    info = local_array(u8, SIGNAL_INFO_SIZE)
    fill(info, 0)
    system_call(WAITID, P_PIDFD, process, address_of(info), WEXITED, 0, 0)
    status = load(u32, info, STATUS)
    return status if load(u32, info, CODE) == CLD_EXITED else SIGNALLED + status


def send_signal(process: u64, signal: u64) -> i64:
    """pidfd_send_signal(2)."""
    return system_call(PIDFD_SEND_SIGNAL, process, signal, 0, 0, 0, 0)


def state_of(container: u64) -> ContainerState:
    """STATE, as the container is now."""
    query_container(container, STATE)
    return STATE


STATE = ContainerState()
