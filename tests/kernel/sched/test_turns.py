"""Who runs next: groups by weight and by what they have had, threads of a group by turns, over several processors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from kernel.machine.clock import CLOCK
from kernel.machine.processors import PROCESSORS
from kernel.sched.bandwidth import PERIODS_PER_SECOND
from kernel.sched.cpu import CPUS, Cpu
from kernel.sched.group import RunGroup
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread, ThreadState
from kernel.sched.turns import turn_length
from kernel.sched.usage import KERNEL_TIME

TURN = turn_length()
PERIOD = CLOCK.tsc_hertz // PERIODS_PER_SECOND


@pytest.fixture
def processors() -> Iterator[None]:
    """Four of them."""
    before = PROCESSORS.running
    PROCESSORS.running = 4
    for number in range(4):
        CPUS.of[number].number = number
    yield
    PROCESSORS.running = before


@pytest.fixture(autouse=True)
def one_processor() -> Iterator[None]:
    """At least the one that every machine has."""
    before = PROCESSORS.running
    PROCESSORS.running = 1
    yield
    PROCESSORS.running = before


class Machine:
    """A scheduler whose processors all run for a turn at a time."""

    def __init__(self, processors: int = 1) -> None:
        self.scheduler = Scheduler()
        self.now = 1_000 * TURN
        self.processors = processors
        self.turns: Counter[int] = Counter()

    def make_group(self, weight: int, threads: int, processor: int = 0) -> RunGroup:
        """A group whose threads are all ready."""
        group = RunGroup()
        group.prepare(None)
        group.weight = weight
        for _ in range(threads):
            thread = Thread()
            thread.group = group
            thread.shared_time = KERNEL_TIME
            thread.processor = processor
            self.scheduler.enqueue(thread)
        return group

    def run_turn(self) -> list[Thread | None]:
        """Every processor takes a thread, runs it for a turn, and makes it ready again."""
        taken: list[Thread | None] = [None] * self.processors
        # Which tick comes first differs from turn to turn.
        for number in sorted(range(self.processors), key=lambda number: (number + self.now // TURN) % self.processors):
            taken[number] = self.scheduler.take_next(number, self.now)
        self.now += TURN
        for number, thread in enumerate(taken):
            if thread is not None:
                cpu = Cpu()
                cpu.turn_start = self.now - TURN
                cpu.current = thread
                thread.processor = number
                self.scheduler.charge(cpu, self.now)
                self.scheduler.enqueue(thread)
                self.turns[id(thread.group)] += 1
        return taken


def test_nothing_ready_is_none() -> None:
    assert Scheduler().take_next(0, 0) is None


def test_a_taken_thread_is_ready_no_more() -> None:
    machine = Machine()
    machine.make_group(100, 1)
    thread = machine.scheduler.take_next(0, machine.now)
    assert thread is not None and thread.state == ThreadState.READY
    assert machine.scheduler.take_next(0, machine.now) is None
    assert not thread.group.queued and thread.group.ready_count == 0


def test_groups_share_by_weight_not_by_number_of_threads() -> None:
    machine = Machine()
    groups = [machine.make_group(100, 1), machine.make_group(300, 1), machine.make_group(100, 5)]
    for _ in range(500):
        machine.run_turn()
    assert [machine.turns[id(group)] for group in groups] == pytest.approx([100, 300, 100], abs=2)


def test_turns_of_heavy_groups_are_interleaved_with_those_of_light_ones() -> None:
    machine = Machine()
    heavy, light = machine.make_group(1000, 1), machine.make_group(500, 1)
    order = [machine.run_turn()[0] for _ in range(30)]
    names = "".join("h" if thread is not None and thread.group is heavy else "l" for thread in order)
    assert names.count("l") == pytest.approx(10, abs=1)
    assert "hhhh" not in names and "ll" not in names, names
    assert light.used + heavy.used == 30 * TURN


def test_a_light_group_runs_too() -> None:
    machine = Machine()
    light, heavy = machine.make_group(10, 1), machine.make_group(100, 1)
    for _ in range(220):
        machine.run_turn()
    assert machine.turns[id(light)] == pytest.approx(20, abs=1)
    assert machine.turns[id(heavy)] == pytest.approx(200, abs=1)


def test_threads_of_a_group_take_turns() -> None:
    machine = Machine()
    machine.make_group(100, 3)
    taken = [machine.run_turn()[0] for _ in range(9)]
    assert taken[:3] == taken[3:6] == taken[6:]
    assert len({id(thread) for thread in taken}) == 3


def test_who_slept_does_not_make_up_for_it_afterwards() -> None:
    machine = Machine()
    busy = machine.make_group(100, 1)
    for _ in range(100):
        machine.run_turn()
    sleeper = machine.make_group(100, 1)
    machine.turns.clear()
    for _ in range(20):
        machine.run_turn()
    assert machine.turns[id(sleeper)] == pytest.approx(10, abs=1)
    assert machine.turns[id(busy)] == pytest.approx(10, abs=1)


@pytest.mark.usefixtures("processors")
def test_weights_hold_over_several_processors() -> None:
    machine = Machine(4)
    groups = [machine.make_group(100, 4), machine.make_group(300, 8, 3)]
    for _ in range(250):
        machine.run_turn()
    shares = [machine.turns[id(group)] / 1000 for group in groups]
    assert shares == pytest.approx([0.25, 0.75], abs=0.02)


@pytest.mark.usefixtures("processors")
def test_three_threads_on_two_processors_have_two_thirds_of_one_each() -> None:
    machine = Machine(2)
    machine.make_group(100, 3)
    turns = Counter(id(thread) for _ in range(300) for thread in machine.run_turn())
    assert list(turns.values()) == pytest.approx([200, 200, 200], abs=10)


@pytest.mark.usefixtures("processors")
def test_a_processor_without_work_takes_what_waits_elsewhere() -> None:
    machine = Machine(4)
    machine.make_group(100, 4, 2)
    assert None not in machine.run_turn()


@pytest.mark.usefixtures("processors")
def test_threads_stay_where_they_ran_when_all_are_busy() -> None:
    machine = Machine(4)
    machine.make_group(100, 8)
    for _ in range(10):
        machine.run_turn()
    first, second, third = machine.run_turn(), machine.run_turn(), machine.run_turn()
    assert first == third and not set(map(id, first)) & set(map(id, second))


@pytest.mark.usefixtures("processors")
def test_a_pinned_thread_runs_nowhere_else() -> None:
    machine = Machine(4)
    group = machine.make_group(100, 1, 2)
    thread = group.ready[2].first
    assert thread is not None
    thread.policy.processors = 1 << 2
    assert machine.scheduler.take_next(0, machine.now) is None
    assert machine.scheduler.next_for(0, machine.now) is None and machine.scheduler.next_for(2, machine.now) is thread
    assert machine.scheduler.take_next(2, machine.now) is thread


@pytest.mark.parametrize("thousandths", [100, 250, 500])
def test_a_limit_holds_whatever_the_length_of_a_turn(thousandths: int) -> None:
    machine = Machine()
    group = machine.make_group(100, 2)
    group.bandwidth.set_limit(thousandths)
    for _ in range(1000):
        machine.run_turn()
    assert group.used / (1000 * TURN) == pytest.approx(thousandths / 1000, rel=0.05)
    assert group.bandwidth.throttled > 0


@pytest.mark.usefixtures("processors")
def test_a_limit_counts_for_what_is_inside_and_over_all_processors() -> None:
    machine = Machine(4)
    outer = machine.make_group(100, 0)
    outer.bandwidth.set_limit(1500)
    inner = machine.make_group(100, 4)
    inner.parent = outer
    for _ in range(1000):
        machine.run_turn()
    assert inner.used / (1000 * TURN) == pytest.approx(1.5, rel=0.05)
    while any(machine.run_turn()):
        assert machine.scheduler.first_refill() in (0, outer.bandwidth.period_end)
    assert 0 < machine.scheduler.first_refill() - machine.now <= PERIOD


def test_nice_values_weigh_threads_of_a_group() -> None:
    machine = Machine()
    group = machine.make_group(100, 2)
    thread = group.ready[0].first
    assert thread is not None
    thread.policy.nice = 5
    taken = Counter(machine.run_turn()[0] is thread for _ in range(1000))
    assert taken[False] / taken[True] == pytest.approx(1024 / 335, rel=0.05)


@pytest.mark.parametrize("reason", ["killed", "mutex"])
def test_an_urgent_thread_runs_though_its_group_is_throttled(reason: str) -> None:
    machine = Machine()
    group = machine.make_group(100, 2)
    group.bandwidth.set_limit(1)
    while machine.run_turn()[0] is not None:
        pass
    assert group.is_waiting and machine.scheduler.has_ready
    thread = group.ready[0].last
    assert thread is not None
    if reason == "killed":
        thread.killed = True
    else:
        thread.awaited = 1
    group.remove(thread)
    machine.scheduler.enqueue(thread)
    used = group.used
    assert [machine.run_turn()[0] for _ in range(3)] == [thread] * 3
    assert group.used == used + 3 * TURN, "it pays for its time"
    machine.scheduler.take_next(0, machine.now)
    assert machine.run_turn() == [None]


def test_a_throttled_group_goes_on_in_its_next_period() -> None:
    machine = Machine()
    group = machine.make_group(100, 1)
    group.bandwidth.set_limit(100)
    while machine.run_turn()[0] is not None:
        pass
    machine.now = machine.scheduler.first_refill()
    assert machine.run_turn()[0] is not None and not group.is_waiting


@pytest.mark.usefixtures("processors")
def test_a_processor_looks_at_few_threads_of_another_queue() -> None:
    machine = Machine(4)
    group = machine.make_group(100, 100, 2)
    for thread in group.ready[2]:
        thread.policy.processors = 1 << 2
    looked: list[int] = []
    after = group.ready[2].after
    group.ready[2].after = lambda thread: (looked.append(1), after(thread))[1]  # type: ignore[method-assign]
    assert machine.scheduler.next_for(0, machine.now) is None
    assert len(looked) < 10
    assert machine.scheduler.next_for(2, machine.now) is not None


def test_ages_end_at_the_highest_number() -> None:
    machine = Machine()
    group = machine.make_group(1, 1)
    thread = group.ready[0].first
    assert thread is not None
    group.age = thread.age = (1 << 64) - 2
    group.remove(thread)
    machine.scheduler.discard(group)
    machine.scheduler.enqueue(thread)
    assert machine.run_turn() == machine.run_turn() == [thread]
    assert group.age == thread.age == (1 << 64) - 1
