"""`--strace`: values, lines and counts; and the whole of it beside strace(1)."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from harness.interface import enumeration
from harness.linux_calls import NAMES
from harness.strace.calls import CALLS, STRUCTS, copied
from harness.strace.flags import FLAGS, ONE_OF, flags_of, one_of
from harness.strace.records import HEADER, PIECE, Piece, Reader, Record
from harness.strace.values import number, quoted, result_of, signal_set, structure, wait_status
from harness.strace.writer import Writer, chooser
from tests.needs import needs
from tests.system.test_command import pithos

PARAMETERS = {"read": [], "openat": [], "getpid": [], "exit_group": []}


@pytest.mark.parametrize(
    ("content", "is_cut", "shown"),
    [
        (b"plain", False, '"plain"'),
        (b'a"b\\c\n\t', True, '"a\\"b\\\\c\\n\\t"...'),
        (b"\0", False, '"\\0"'),
        (b"\x001\xff2x", False, '"\\0001\\3772x"'),
        (b"", False, '""'),
    ],
)
def test_strings(content: bytes, is_cut: bool, shown: str) -> None:
    assert quoted(content, is_cut) == shown


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("open", 0o100000, "O_RDONLY"),
        ("open", 0o2000102, "O_RDWR|O_CREAT|O_CLOEXEC"),
        ("open", 0o20200002, "O_RDWR|O_TMPFILE"),
        ("open", 3, "O_ACCMODE"),
        ("prot", 0, "PROT_NONE"),
        ("prot", 7, "PROT_READ|PROT_WRITE|PROT_EXEC"),
        ("map", 0x22, "MAP_PRIVATE|MAP_ANONYMOUS"),
        ("map", 0x62, "MAP_PRIVATE|MAP_ANONYMOUS|MAP_32BIT"),
        ("access", 0, "F_OK"),
        ("clone", 0x1200011, "CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD"),
        ("socket", 0x80801, "SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC"),
        ("pipe", 0, "0"),
        ("at", 0x101, "AT_SYMLINK_NOFOLLOW|0x1"),
    ],
)
def test_flags(kind: str, value: int, shown: str) -> None:
    assert flags_of(kind, value) == shown


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("futex", 0x80, "FUTEX_WAIT_PRIVATE"),
        ("futex", 0x189, "FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME"),
        ("whence", 2, "SEEK_END"),
        ("signal", 9, "SIGKILL"),
        ("signal", 77, "0x4d"),
        ("clock", 11, "CLOCK_TAI"),
        ("fcntl", 1030, "F_DUPFD_CLOEXEC"),
    ],
)
def test_names(kind: str, value: int, shown: str) -> None:
    assert one_of(kind, value) == shown


def test_numbers_and_results() -> None:
    assert number("dirfd", 0xFFFF_FF9C) == "AT_FDCWD"
    assert number("fd", 0xFFFF_FFFF_FFFF_FFFF) == "-1"
    assert number("mode", 0o644) == "0644"
    assert number("ptr", 0) == "NULL"
    assert result_of(-2, False) == "-1 ENOENT (No such file or directory)"
    assert result_of(-4096, False) == "-4096"
    assert result_of(0x7FFF0000, True) == "0x7fff0000"
    assert wait_status(0x300) == "[{WIFEXITED(s) && WEXITSTATUS(s) == 3}]"
    assert wait_status(0x8B) == "[{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}]"
    assert wait_status(0x137F) == "[{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}]"
    assert signal_set(1 << 1 | 1 << 13) == "[INT ALRM]"
    assert signal_set(~(1 << 31) & (1 << 64) - 1) == "~[RTMIN]"
    assert structure("fds", b"\3\0\0\0\4\0\0\0") == "[3, 4]"


def test_the_notation_names_what_there_is() -> None:
    for name, words in CALLS.items():
        assert name in NAMES.values() or name.endswith("container"), name
        assert len(words) <= 6
        for word in words:
            if word[0] == "|":
                assert word[1:] in FLAGS
            elif word[0] == "=":
                assert word[1:] in ONE_OF
            elif word[0] in "<>":
                assert word[1:] in STRUCTS
            else:
                assert number(word, 1)
            copied(name, word)
        if words[:1] == ["out"]:
            assert name in ("getcwd", "getrandom")


# Lines.


def record(
    kind: str, tid: int, time: int, call: str = "getpid", result: int = 0, *arguments: int, **pieces: Piece
) -> Record:
    numbers = {name: at for at, name in NAMES.items()}
    found = {int(place[1:]): [piece] for place, piece in pieces.items()}
    given = tuple([*arguments, *(0 for _ in range(6 - len(arguments)))])
    return Record(enumeration("TraceKind")[kind], 1, tid, time, numbers.get(call, 999), result, 0, given, found)


def lines_of(*records: Record, only: str = "") -> list[str]:
    made: list[str] = []
    writer = Writer(made.append, {}, PARAMETERS, chooser(only.split(",") if only else []))  # type: ignore[arg-type]
    for one in records:
        writer.take(one)
    writer.finish()
    return "".join(made).split("% time")[0].splitlines()


def test_a_call_is_a_line() -> None:
    begun = record("ENTRY", 1, 1_000_000_000, "read", 0, 3, 0x1000, 100)
    made = record("EXIT", 1, 1_000_250_000, "read", 2, 3, 0x1000, 100, a1=Piece(b"hi", False))
    (line,) = lines_of(begun, made)
    assert re.fullmatch(r'0\.000000 read\(3, "hi", 100\) + = 2 <0\.000250>', line)
    assert line.index(" = ") == len("0.000000 ") + 38


def test_what_comes_between_ends_the_line() -> None:
    records = [
        record("ENTRY", 1, 0, "read", 0, 0, 0x1000, 100),
        record("ENTRY", 2, 1000),
        record("EXIT", 2, 2000, result=2),
        record("EXIT", 1, 3000, "read", -4, 0, 0x1000, 100),
        record("END", 2, 4000),
    ]
    assert [re.sub(r" +", " ", line) for line in lines_of(*records)] == [
        "0.000000 read(0, <unfinished ...>",
        "[pid 2] 0.000001 getpid() = 2 <0.000001>",
        "[pid 1] 0.000003 <... read resumed>0x1000, 100) = -1 EINTR (Interrupted system call) <0.000003>",
        "[pid 2] 0.000004 +++ exited with 0 +++",
    ]


def test_a_thread_that_ends_in_a_call_leaves_it_open() -> None:
    records = [record("ENTRY", 1, 0, "exit_group", 0, 7), record("END", 1, 1000, result=7 << 8)]
    assert [re.sub(r" +", " ", line) for line in lines_of(*records)] == [
        "0.000000 exit_group(7) = ?",
        "0.000001 +++ exited with 7 +++",
    ]


def test_only_what_is_wanted_is_shown() -> None:
    records = [record("ENTRY", 1, 0), record("EXIT", 1, 1), record("ENTRY", 1, 2, "read"), record("EXIT", 1, 3, "read")]
    assert len(lines_of(*records, only="read")) == 1
    assert len(lines_of(*records, only="!read")) == 1
    assert len(lines_of(*records)) == 2


def test_a_result_without_its_beginning_is_left_out() -> None:
    assert lines_of(record("EXIT", 1, 0)) == []


def test_records_come_in_any_portions() -> None:
    piece = PIECE.pack(1, 1, 3) + b"abc".ljust(8, b"\0")
    whole = HEADER.pack(HEADER.size + len(piece), 1, 1, 2, 5, 0, 0, 4, 0, *range(6)) + piece
    for size in (1, 7, 50, 200):
        reader = Reader()
        content = whole * 3
        found = [one for place in range(0, len(content), size) for one in reader.feed(content[place : place + size])]
        assert [(one.tid, one.lost, one.pieces[1]) for one in found] == [(2, 4, [Piece(b"abc", True)])] * 3


# The whole.

SCRIPT = "echo a > /tmp/x; cat /tmp/x; ls /nosuch; exit 3"
VARYING = re.compile(
    r"^(brk|arch_prctl|set_tid_address|set_robust_list|rseq|readlink|getrandom|mprotect|prctl|uname)\("
)
PLACE = re.compile(r"0x[0-9a-f]{5,}|/\* \d+ vars \*/ ?")


def steps(text: str, prefix: str) -> list[str]:
    """The lines of one process without times and addresses, and without what the C library does at its start."""
    found = []
    for line in text.splitlines():
        if not re.match(prefix, line):
            continue
        bare = re.sub(prefix, "", line)
        bare = re.sub(r" <\d+\.\d+>$", "", re.sub(r"\) += ", ") = ", PLACE.sub("ADDRESS", bare)))
        if not VARYING.match(bare):
            found.append(bare)
    return found


@needs("qemu-system-x86_64", "strace")
def test_a_program_is_shown_as_strace_shows_it(rootfs: Path, tmp_path: Path) -> None:
    command = ["/bin/busybox", "cat", "/etc/group", "/nosuch"]
    theirs = tmp_path / "theirs"
    if os.geteuid() != 0:
        pytest.skip("chroot(2) is for root")
    strace = ["strace", "-o", theirs, "chroot", rootfs, *command]
    if subprocess.run(strace, capture_output=True, check=False).returncode != 1:
        pytest.skip("strace cannot trace here")
    done = pithos("run", f"--strace={tmp_path / 'ours'}", rootfs, "--", *command)
    assert done.returncode == 1
    wanted = theirs.read_text()
    wanted = wanted[wanted.index('execve("/bin/busybox"') :]
    ours = (tmp_path / "ours").read_text().split("% time")[0]
    expected = [line for line in steps(wanted, "") if not line.startswith("execve(")]
    assert steps(ours, r"^\d+\.\d+ ") == expected


@needs("qemu-system-x86_64")
def test_the_command(rootfs: Path, tmp_path: Path) -> None:
    done = pithos("run", "--strace", "--strace-calls", "openat,open,write", rootfs, "--", "sh", "-c", SCRIPT)
    said = done.stderr.decode()
    assert (done.returncode, done.stdout) == (3, b"a\n")
    assert re.search(r'^\d\.\d+ open(at)?\((AT_FDCWD, )?"/tmp/x", O_WRONLY\|O_CREAT\|O_TRUNC, 0666\)', said, re.M)
    assert "exit_group" not in said
    assert re.search(r"^ *\d+\.\d+ +0\.\d+ +\d+ +\d+ +write$", said, re.M)
    done = pithos("run", "--strace=/no/such/file", rootfs, "--", "true")
    complaint = b"pithos: --strace=/no/such/file: No such file or directory\n"
    assert (done.returncode, done.stderr) == (125, complaint)
    done = pithos("run", "--strace", "--strace-calls", "frob", rootfs, "--", "true")
    assert (done.returncode, done.stderr) == (125, b"pithos: --strace-calls: there is no system call 'frob'\n")
    done = pithos("run", "--strace-calls", "read", rootfs, "--", "true")
    assert (done.returncode, done.stderr) == (125, b"pithos: --strace-calls: say --strace as well\n")


@needs("qemu-system-x86_64")
def test_calls_that_there_are_not_are_named(rootfs: Path) -> None:
    done = pithos("run", "--strace", rootfs, "--", "true")
    assert b"not in this kernel (ENOSYS): rseq\n" in done.stderr
