"""ctr: the container calls by docker's words, in a container of the harness. With a terminal: tests/boot."""

from __future__ import annotations

import re

import pytest

from harness.guest import Guest
from tests.system.programs import run_in_new

pytestmark = pytest.mark.qemu
FORGOTTEN = re.compile(rb"(?m)^\d+ +(\w+) +(\d+) +\d+ +\d+ +(\S+) +(\S+)$")


async def shell(guest: Guest, script: str) -> tuple[int, bytes, bytes]:
    """Run a script in a new container; its status, output and errors."""
    done = await run_in_new(guest, "/bin/sh", "-c", f"PATH=/usr/local/bin:/bin\n{script}")
    return done.status, done.output, done.errors


async def test_program_in_a_new_container(guest: Guest) -> None:
    inner = "echo $A $HOSTNAME $HOME $$; pwd; id -u; id -g; hostname"
    script = f"chmod 755 /; ctr run --rm -h inner -e A=b -w /tmp -u 7:8 / sh -c '{inner}'"
    assert await shell(guest, script) == (0, b"b inner / 1\n/tmp\n7\n8\ninner\n", b"")


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        ("sh -c 'exit 9'", 9, b""),
        ("/bin/fault", 139, b""),
        ("nosuch", 127, b"ctr: nosuch: No such file or directory\n"),
        ("/etc/passwd", 126, b"ctr: /etc/passwd: Permission denied\n"),
        ("/bin/bad-text", 126, b"ctr: /bin/bad-text: Exec format error\n"),
    ],
)
async def test_statuses(guest: Guest, arguments: str, status: int, complaint: bytes) -> None:
    assert await shell(guest, f"ctr run --rm / {arguments}") == (status, b"", complaint)


async def test_life_of_a_container(guest: Guest) -> None:
    script = """
        ctr run -d --name one -m 8m --pids-limit 20 / sleep 1000 >/dev/null
        ctr run --name two / sh -c 'exit 3' || echo status $?
        ctr ps; ctr ps -a
        ctr exec -d one sleep 1000; ctr exec one sh -c 'echo $$'
        ctr pause one; ctr ps; ctr unpause one
        ctr rm one
        ctr update -m 16m one; ctr inspect one | grep -e '^stage' -e '^processes'; ctr ps
        ctr kill one; ctr wait one; ctr ps -a; ctr exec two echo again
        ctr rm one two; ctr ps -a
    """
    status, output, errors = await shell(guest, script)
    head = b"ID   STAGE    PROCESSES PAGES   PEAK    LIMIT   NAME\n"
    assert (status, errors) == (0, b"ctr: one: It is running: ctr kill it first, or rm -f\n")
    assert FORGOTTEN.sub(rb"\1 \2 \3 \4", output) == (
        b"status 3\n"
        + (head + b"RUNNING 1 2048 one\n")
        + (head + b"RUNNING 1 2048 one\nEMPTY 0 - two\n")
        + b"3\n"
        + (head + b"FROZEN 2 2048 one\n")
        + b"stage              RUNNING\nprocesses          2 (peak 3, limit 20)\n"
        + (head + b"RUNNING 2 4096 one\n")
        + (head + b"EMPTY 0 4096 one\nEMPTY 0 - two\n")
        + b"again\n"
        + head
    )


async def test_stop_asks_first(guest: Guest) -> None:
    script = """
        ctr run --name asked / sh -c 'trap "echo asked; exit 6" TERM; while :; do sleep 0.1; done' 2>/dev/null &
        sleep 0.5; ctr stop asked; wait $!; echo $?
    """
    assert await shell(guest, script) == (0, b"asked\n6\n", b"")


async def test_input_output_and_nothing(guest: Guest) -> None:
    """Standard input is passed with -i only; -d has none of the three."""
    assert await shell(guest, "echo typed | ctr run -i --rm / cat; echo typed | ctr run --rm / cat") == (
        0,
        b"typed\n",
        b"",
    )
    assert await shell(guest, "ctr run -d / sh -c 'echo seen; echo seen >&2' >/dev/null; sleep 0.2") == (0, b"", b"")


async def test_signals_are_passed_on(guest: Guest) -> None:
    script = """
        ctr run --rm / sh -c 'trap "echo got it; exit 8" USR1; while :; do sleep 0.1; done' & child=$!
        sleep 0.5; kill -USR1 $child; wait $child; echo $?
    """
    assert await shell(guest, script) == (0, b"got it\n8\n", b"")


async def test_who_stays_in_a_terminal_does_not_keep_it(guest: Guest) -> None:
    """exec -t ends with its program, though another one goes on writing to the terminal."""
    script = """
        ctr run -d --name one / sleep 1000 >/dev/null
        ctr exec -t one sh -c 'yes & sleep 0.2; exit 3' >/dev/null; echo $?
        ctr rm -f one
    """
    assert await shell(guest, script) == (0, b"3\n", b"")


async def test_containers_in_containers(guest: Guest) -> None:
    """Each sees those that it made, by name; a number means one however deep it is."""
    script = """
        ctr run -d --name outer / sh -c 'ctr run --name inner / sleep 1000' >/dev/null; sleep 0.5
        ctr ps | wc -l; ctr exec outer ctr ps | grep -c ' inner$'
        ctr exec inner true; inner=$(ctr exec outer sh -c 'ctr ps | tail -n 1 | cut -d " " -f 1')
        ctr exec $inner hostname; ctr rm -f outer; ctr exec $inner true
    """
    status, output, errors = await shell(guest, script)
    assert (output, status) == (b"2\n1\ninner\n", 125)
    assert re.fullmatch(rb"ctr: inner: No such container\nctr: \d+: No such container\n", errors)


async def test_list_of_containers(guest: Guest) -> None:
    """/proc/containers: more than one step of them, in order, and a name that would look like two lines."""
    script = """
        for i in $(seq 70); do ctr run --name n$i / true; done
        ctr run --name "$(printf 'a\\nb\\\\ c')" / true
        cut -d ' ' -f 7- /proc/containers | md5sum; tail -n 1 /proc/containers | cut -d ' ' -f 2,7-
        (echo name; seq 70 | sed s/^/n/; printf '%s\\n' 'a\\012b\\134 c') | md5sum
    """
    status, output, errors = await shell(guest, script)
    first, last, second = output.splitlines()
    assert (status, errors, first, last) == (0, b"", second, b"EMPTY a\\012b\\134 c")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("nosuch", b"nosuch: no such command (ctr help lists them)"),
        ("run", b"run: which root? Give a directory, such as / for a copy of this one"),
        ("run /", b"run: which program? Give a command"),
        ("run /nosuch true", b"/nosuch: No such file or directory"),
        ("run -z / true", b"-z: no such option here (ctr help lists them)"),
        ("ps -d", b"-d: no such option here (ctr help lists them)"),
        ("run --memory", b"--memory: it needs a value"),
        ("run --memory= / true", b"--memory=: its value is not of the right form"),
        ("run -m 99999999999999g / true", b"-m: its value is not of the right form"),
        ("run -m 5x / true", b"-m: its value is not of the right form"),
        ("run --cpus 1.x / true", b"--cpus: its value is not of the right form"),
        ("run -u 4294967295 / true", b"-u: its value is not of the right form"),
        ("run -e =x / true", b"=x: give NAME=VALUE"),
        ("kill", b"kill: which container? ctr ps lists them"),
        ("kill nosuch", b"nosuch: No such container"),
        ("kill 99999999999999999999999", b"99999999999999999999999: No such container"),
        ("update 1", b"update: give --memory, --pids-limit, --cpus or --cpu-shares"),
    ],
)
async def test_complaints(guest: Guest, arguments: str, complaint: bytes) -> None:
    assert await shell(guest, f"ctr {arguments}") == (125, b"", b"ctr: " + complaint + b"\n")


async def test_help(guest: Guest) -> None:
    status, output, _ = await shell(guest, "ctr help")
    assert (status, output.startswith(b"usage: ctr COMMAND")) == (0, True)
    assert await shell(guest, "ctr") == (1, output, b"")
