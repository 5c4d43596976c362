"""Measures a container's whole life. It is nested in that of the benchmark, and runs `user/true`, its /bin/true."""

from __future__ import annotations

from codegen.lang import UserAddr, address_of, local, size_of, static_array, u64
from kernel.containers.abi import VERSION, ContainerConfig, RunSpec
from user.bench.measure import checked, now, report
from user.lib.system import system_call

CLOSE: u64 = 3
WAITID: u64 = 247
CREATE_CONTAINER: u64 = 1000
RUN_IN_CONTAINER: u64 = 1001
DESTROY_CONTAINER: u64 = 1002
P_PIDFD: u64 = 3
WEXITED: u64 = 4

CONTAINERS: u64 = 50

PROGRAM = b"/bin/true"
PROGRAM_TEXT = b"/bin/true\0"
ROOT = b"/"
NAME = b"measured"
ARGUMENTS = static_array(u64, 2)


def one_container() -> None:
    """create + run + wait + destroy."""
    config = local(ContainerConfig)
    config.size = size_of(ContainerConfig)
    config.version = VERSION
    config.name = UserAddr(address_of(NAME))
    config.name_length = len(NAME)
    config.root = UserAddr(address_of(ROOT))
    config.root_length = len(ROOT)
    container = checked(
        system_call(CREATE_CONTAINER, address_of(config), size_of(ContainerConfig), 0, 0, 0, 0),
        b"create_container",
    )
    spec = local(RunSpec)
    spec.size = size_of(RunSpec)
    spec.version = VERSION
    spec.path = UserAddr(address_of(PROGRAM))
    spec.path_length = len(PROGRAM)
    spec.argv = UserAddr(address_of(ARGUMENTS))
    spec.argv_count = 1
    process = checked(
        system_call(RUN_IN_CONTAINER, container, address_of(spec), size_of(RunSpec), 0, 0, 0),
        b"run_in_container",
    )
    checked(system_call(WAITID, P_PIDFD, process, 0, WEXITED, 0, 0), b"waitid")
    checked(system_call(CLOSE, process, 0, 0, 0, 0, 0), b"close")
    checked(system_call(DESTROY_CONTAINER, container, 0, 0, 0, 0, 0), b"destroy_container")
    system_call(CLOSE, container, 0, 0, 0, 0, 0)


def measure() -> None:
    """Some containers after each other, after one that is not counted."""
    ARGUMENTS[0] = address_of(PROGRAM_TEXT)
    one_container()
    start = now()
    for _ in range(CONTAINERS):
        one_container()
    report(b"container", start, CONTAINERS)
