"""What people and tests ask of the inspector: processes, containers, frames, the log, and whether all is well."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator

from codegen.layout import of
from harness.inspect import Corrupt, Kernel, View
from kernel.base.log import RING_SIZE
from kernel.memory.account import NO_LIMIT
from kernel.memory.frames import Frame, FrameUse

FRAMES = "kernel.memory.frames.FRAMES"
RING = "kernel.base.log.RING"
CACHES = "kernel.memory.frame_cache.CACHES"
LOCKS = ("kernel.memory.frames.FRAMES", "kernel.base.log.LOG")


def text(field: bytes, length: int | None = None) -> str:
    """A name in a fixed array."""
    return (field.split(b"\0")[0] if length is None else field[:length]).decode("utf-8", "replace")


def all_containers(kernel: Kernel) -> Iterator[tuple[int, View]]:
    """All containers with their depth, parents first."""
    waiting = [(0, kernel.root_container)]
    while waiting:
        depth, container = waiting.pop()
        yield depth, container
        waiting += [(depth + 1, child) for child in reversed(list(container.children))]


def limit(value: int) -> str:
    """A limit for people."""
    return "-" if value == NO_LIMIT else str(value)


def chosen(kernel: Kernel, which: str) -> Iterator[tuple[int, View]]:
    """All containers, or the one that is called `which` or has that number. Raises ValueError."""
    found = [
        (depth, container)
        for depth, container in all_containers(kernel)
        if which in ("", str(container.id), text(container.name, container.name_length))
    ]
    if not found:
        raise ValueError(f"there is no container {which!r}")
    yield from found


def containers_table(kernel: Kernel, which: str = "") -> list[str]:
    """One line a container, or that of `which`."""
    lines = [f"{'ID':>4} {'NAME':16} {'STAGE':8} {'PROCESSES':>9} {'PAGES':>7} {'PEAK':>7} {'LIMIT':>7}"]
    for depth, container in chosen(kernel, which):
        pages = container.account.pages
        name = "  " * depth + text(container.name, container.name_length)
        lines.append(
            f"{container.id:>4} {name:16} {container.stage.name.lower():8} {len(container.processes):>9} "
            f"{pages.used:>7} {pages.peak:>7} {limit(pages.limit):>7}"
        )
    return lines


def processes_table(kernel: Kernel, which: str = "") -> list[str]:
    """One line a process, of all containers or of `which`."""
    lines = [f"{'CONTAINER':16} {'PID':>5} {'PARENT':>6} {'STATE':7} {'THREADS':20} NAME"]
    for _, container in chosen(kernel, which):
        for process in container.processes:
            parent = process.parent
            threads = ",".join(thread.state.name.lower() for thread in process.threads) or "-"
            lines.append(
                f"{text(container.name, container.name_length):16} {process.pid:>5} "
                f"{parent.pid if parent else 0:>6} {process.state.name.lower():7} {threads:20} {text(process.name)}"
            )
    return lines


def cpus_table(kernel: Kernel) -> list[str]:
    """One line a processor that runs."""
    lines = [f"{'CPU':>3} {'APIC':>4} {'BUSY ms':>8} {'IDLE ms':>8} RUNS"]
    per_millisecond = kernel.static("kernel.machine.clock.CLOCK").tsc_hertz // 1000
    running = kernel.static("kernel.machine.processors.PROCESSORS")
    for number in range(running.running):
        cpu = kernel.static("kernel.sched.cpu.CPUS").of[number]
        busy, idle = cpu.busy_time // per_millisecond, cpu.idle_time // per_millisecond
        lines.append(f"{number:>3} {running.apic_ids[number]:>4} {busy:>8} {idle:>8} {runs_what(cpu)}")
    return lines


def runs_what(cpu: View) -> str:
    """The thread that a processor runs."""
    thread = cpu.current
    if thread == cpu.idle:
        return "idle"
    if not thread.is_user:
        return "a kernel thread"
    process = thread.process
    container = process.container
    where = text(container.name, container.name_length) or str(container.id)
    return f"{text(process.name)}, process {process.pid} of container {where}, thread {thread.id}"


def frame_counts(kernel: Kernel) -> dict[tuple[int, FrameUse], int]:
    """How many frames each account (by address, 0 for nobody) has for each use."""
    frames = kernel.static(FRAMES).frames
    layout = of(Frame)
    owner, use = layout.fields["owner"].offset, layout.fields["use"].offset
    content = b"".join(
        kernel.memory.read(start, length) for start, length in _pieces(frames.address, len(frames) * frames.stride)
    )
    entry = struct.Struct(f"<{owner}xQ{use - owner - 8}xB{frames.stride - use - 1}x")
    counts = Counter(entry.iter_unpack(content))
    return {(account, FrameUse(kind)): count for (account, kind), count in counts.items()}


def _pieces(address: int, length: int) -> list[tuple[int, int]]:
    from harness.physical import kernel_physical

    physical = kernel_physical(address)
    assert physical is not None, "the frame table is in the direct map"
    return [(physical, length)]


def accounts(kernel: Kernel) -> dict[int, tuple[str, View]]:
    """The accounts by address: the kernel's own, and those of the containers."""
    own = kernel.static("kernel.memory.account.KERNEL")
    found = {own.address_: ("kernel", own)}
    for _, container in all_containers(kernel):
        found[container.account.address_] = (text(container.name, container.name_length), container.account)
    return found


def frames_table(kernel: Kernel) -> list[str]:
    """Frames by owner and use."""
    table = kernel.static(FRAMES)
    names = {address: name for address, (name, _) in accounts(kernel).items()}
    lines = [f"{table.free_count} of {table.total_count} frames are free"]
    counts = frame_counts(kernel)
    for owner in sorted({owner for owner, _ in counts if owner}, key=lambda owner: names.get(owner, "?")):
        uses = {use.name.lower(): count for (known, use), count in counts.items() if known == owner}
        parts = ", ".join(f"{count} {use}" for use, count in sorted(uses.items()))
        lines.append(f"{names.get(owner, hex(owner)):16} {sum(uses.values()):>7}: {parts}")
    return lines


def log_text(kernel: Kernel) -> str:
    """What the kernel logged last, from its ring."""
    ring = kernel.static(RING)
    written = ring.written
    content = ring.content
    if written > RING_SIZE:
        start = written % RING_SIZE
        content = content[start:] + content[:start]
    return bytes(content[: min(written, RING_SIZE)]).decode("utf-8", "replace")


def problems(kernel: Kernel) -> list[str]:
    """What is wrong with the kernel's state: lists, frames by owner, counts, locks. Empty when all is well."""
    found = []
    try:
        found += _frame_problems(kernel)
        found += _lock_problems(kernel)
        found += _processor_problems(kernel)
        found += _socket_problems(kernel)
        for _, container in all_containers(kernel):
            for part in (container.processes, container.files.open_files):
                for _ in part:
                    pass
    except Corrupt as error:
        found.append(str(error))
    return found


def _frame_problems(kernel: Kernel) -> list[str]:
    found = []
    table = kernel.static(FRAMES)
    free = sum(len(blocks) << order for order, blocks in enumerate(table.free_blocks))
    free += sum(cache.count for cache in kernel.static(CACHES).of)
    if free != table.free_count:
        found.append(f"{free} frames are free or cached, {table.free_count} are counted")
    owned: Counter[int] = Counter()
    for (owner, _), count in frame_counts(kernel).items():
        owned[owner] += count
    known = accounts(kernel)
    for address in owned:
        if address and address not in known:
            found.append(f"{owned[address]} frames belong to {address:#x}, which is no container's account")
    total = free + sum(count for address, count in owned.items() if address)
    if total != table.total_count:
        found.append(f"{total} frames are free or owned, of {table.total_count}")
    charged = {address: account.pages.used for address, (_, account) in known.items()}
    for _, account in known.values():
        parent = account.parent
        if parent:
            charged[parent.address_] -= account.pages.used
    for address, (name, _) in known.items():
        if owned[address] != charged[address]:
            found.append(f"{name} has {owned[address]} frames, and is charged for {charged[address]}")
    return found


def _processor_problems(kernel: Kernel) -> list[str]:
    found = []
    for number in range(kernel.static("kernel.machine.processors.PROCESSORS").running):
        thread = kernel.static("kernel.sched.cpu.CPUS").of[number].running
        if not thread.has_cpu or thread.processor != number:
            found.append(
                f"cpu {number} runs {thread!r}, which does not have it, but was last on cpu {thread.processor}"
            )
    return found


def _socket_problems(kernel: Kernel) -> list[str]:
    """What does not fit together in the queues of sockets. A message that is not queued yet counts as charged."""
    found = []
    charged: Counter[int] = Counter()
    sockets = [socket for _, container in all_containers(kernel) for socket in container.network.sockets]
    for socket in sockets:
        left = 0
        for message in socket.messages:
            left += message.length - message.taken
            charged[message.sender.address_] += message.charge
        if left != socket.queued:
            found.append(f"{socket!r} has {left} bytes in its queue, and counts {socket.queued}")
        if socket.is_dead and len(socket.messages) > 0 and not socket.is_reading:
            found.append(f"{socket!r} is dead, and has {len(socket.messages)} messages")
        if socket.references == 0:
            found.append(f"{socket!r} has no references")
    for socket in sockets:
        if charged[socket.address_] > socket.charged:
            found.append(f"{socket!r} has sent {charged[socket.address_]} bytes, and is charged for {socket.charged}")
    return found


def _lock_problems(kernel: Kernel) -> list[str]:
    found = []
    for name in LOCKS:
        static = kernel.static(name)
        lock = static if "holder" in static.layout_.fields else static.lock
        if lock.holder != 0:
            found.append(f"the lock of {name} is held, on the stack in slot {lock.holder:#x}")
    return found


class Invalid(AssertionError):
    """`validate` found the kernel's state broken."""


def validate(kernel: Kernel) -> None:
    """Raise Invalid unless all is well. The machine is paused, or idle."""
    found = problems(kernel)
    if found:
        raise Invalid("; ".join(found))
