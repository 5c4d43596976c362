"""Records as the lines of strace(1), with the time since the first one, and counts by call at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from harness.linux_calls import NAMES
from harness.strace.calls import CALLS, POINTERS, STRUCTS, is_out
from harness.strace.records import Piece, Record
from harness.strace.values import ended, number, quoted, result_of, signal_shown, structure

SECOND = 1_000_000_000
ENOSYS = 38
WIDTH = 38
"""Where ` = ` stands in a line that has room."""


@dataclass
class Count:
    """Of one call."""

    calls: int = 0
    errors: int = 0
    time: int = 0


@dataclass
class Pending:
    """A call that has begun."""

    record: Record
    name: str
    rest: list[str]
    """The arguments that are written when it has been made."""
    is_unfinished: bool = False
    """Another line came between."""


@dataclass
class Writer:
    """Writes lines. `parameters` are those of the kernel's declarations; `wanted` are the calls that are shown."""

    write: Callable[[str], None]
    names: dict[int, str]
    parameters: dict[str, list[list[str]]]
    wanted: Callable[[str], bool] = lambda name: True
    _begun: int | None = None
    _threads: set[int] = field(default_factory=set)
    _pending: dict[int, Pending] = field(default_factory=dict)
    _open: int | None = None
    """The thread whose line is not ended."""
    _line: str = ""
    _counts: dict[str, Count] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        """One record more."""
        if self._begun is None:
            self._begun = record.time
        self._threads.add(record.tid)
        if record.lost:
            self._alone(record, f"*** {record.lost} events were lost here ***")
        match record.kind.name:
            case "ENTRY":
                self._entry(record)
            case "EXIT":
                self._exit(record)
            case "SIGNAL":
                word, value = record.arguments[:2]
                self._alone(record, signal_shown(record.number, record.result, word, value))
            case _:
                self._leave_unfinished(record.tid)
                self._alone(record, ended(record.result))
                self._pending.pop(record.tid, None)

    # Lines.

    def _entry(self, record: Record) -> None:
        name = self.name_of(record.number)
        if not self.wanted(name):
            return
        self._interrupt()
        words = self.words_of(name)
        known = next((index for index, word in enumerate(words) if is_out(word)), len(words))
        shown = [self._argument(record, index, words[index], name) for index in range(known)]
        shown = shown[: self._count(name, record)]
        self._pending[record.tid] = Pending(record, name, words[known:])
        separator = ", " if shown and known < len(words) else ""
        self._line = f"{self._prefix(record)}{name}({', '.join(shown)}{separator}"
        self._open = record.tid

    def _exit(self, record: Record) -> None:
        name = self.name_of(record.number)
        begun = self._pending.pop(record.tid, None)
        if begun is None or begun.name != name:
            return  # it had begun before it was traced, or is not wanted
        first = len(self.words_of(name)) - len(begun.rest)
        is_failure = -4095 <= record.result < 0
        rest = [self._argument(record, first + index, word, name, is_failure) for index, word in enumerate(begun.rest)]
        if self._open == record.tid:
            head = self._line
        else:
            self._interrupt()
            head = f"{self._prefix(record)}<... {name} resumed>"
        text = f"{head}{', '.join(rest)})"
        spent = record.time - begun.record.time
        bare = len(self._prefix(record))
        result = result_of(record.result, name in POINTERS)
        self._open, self._line = None, ""
        self.write(f"{text:<{WIDTH + bare}} = {result} <{spent / SECOND:.6f}>\n")
        count = self._counts.setdefault(name, Count())
        count.calls += 1
        count.errors += is_failure
        count.time += spent

    def _interrupt(self) -> None:
        """Another line is to come: the open one is not finished."""
        if self._open is not None:
            self.write(f"{self._line} <unfinished ...>\n")
            self._pending[self._open].is_unfinished = True
            self._open, self._line = None, ""

    def _leave_unfinished(self, tid: int) -> None:
        """The thread ends in a call."""
        begun = self._pending.get(tid)
        if begun is None:
            return
        if self._open == tid:
            bare = len(self._prefix(begun.record))
            self.write(f"{self._line + ')':<{WIDTH + bare}} = ?\n")
            self._open, self._line = None, ""
        count = self._counts.setdefault(begun.name, Count())
        count.calls += 1

    def _alone(self, record: Record, text: str) -> None:
        """A line by itself."""
        self._interrupt()
        self.write(f"{self._prefix(record)}{text}\n")

    def _prefix(self, record: Record) -> str:
        since = record.time - (self._begun or 0)
        who = f"[pid {record.tid:>5}] " if len(self._threads) > 1 else ""
        return f"{who}{since / SECOND:.6f} "

    # Calls.

    def name_of(self, number: int) -> str:
        """The name of a call, also of one that the kernel does not have."""
        return self.names.get(number) or NAMES.get(number) or f"syscall_{number:#x}"

    def words_of(self, name: str) -> list[str]:
        """What its arguments are."""
        if name in CALLS:
            return CALLS[name]
        declared = self.parameters.get(name)
        return ["hex"] * 6 if declared is None else [kind for _, kind in declared]

    @staticmethod
    def _count(name: str, record: Record) -> int:
        """How many arguments count: the mode of open(2) only where a file may be made."""
        place = {"open": 1, "openat": 2}.get(name)
        makes = place is None or record.arguments[place] & 0o100 or record.arguments[place] & 0o20200000 == 0o20200000
        return 6 if makes or place is None else place + 1

    def _argument(self, record: Record, index: int, word: str, name: str, is_failure: bool = False) -> str:
        """One argument; what it points at, where that was to be had."""
        value = record.arguments[index]
        pieces = record.pieces.get(index)
        if word == "strs":
            return pointer_or(value, pieces, lambda found: f"[{', '.join(map(string, found))}]")
        if word in ("path", "str"):
            return pointer_or(value, pieces, lambda found: string(found[0]))
        if word == "out" or (word.startswith("in") and word[2:].isdigit()):
            if word == "out" and record.kind.name == "EXIT" and record.result == 0 and value:
                return '""'
            return pointer_or(value, pieces, lambda found: string(found[0], name in ("getcwd",)))
        if word[0] in "<>" and word[1:] in STRUCTS:
            return pointer_or(value, pieces, lambda found: structure(word[1:], found[0].content))
        return number("ptr" if word == "UserAddr" else word, value)

    # The end.

    def finish(self) -> None:
        """End an open line, and tell how often each call was made, and which there are not here."""
        self._interrupt()
        if not self._counts:
            return
        total = sum(count.time for count in self._counts.values()) or 1
        rows = sorted(self._counts.items(), key=lambda row: (-row[1].time, row[0]))
        self.write("% time     seconds  usecs/call     calls    errors syscall\n")
        rule = "------ ----------- ----------- --------- --------- ----------------\n"
        self.write(rule)
        for name, count in rows:
            self.write(row(100 * count.time / total, count, name))
        every = [count for _, count in rows]
        everything = Count(sum(one.calls for one in every), sum(one.errors for one in every), total)
        self.write(rule)
        self.write(row(100, everything, "total"))
        missing = [name for name, _ in rows if name not in self.parameters]
        if missing:
            self.write(f"not in this kernel (ENOSYS): {', '.join(sorted(missing))}\n")


def row(share: float, count: Count, name: str) -> str:
    """A line of the table of counts, as strace -c has it."""
    each = count.time // 1000 // max(count.calls, 1)
    errors = count.errors or ""
    return f"{share:6.2f} {count.time / SECOND:11.6f} {each:11} {count.calls:9} {errors:>9} {name}\n"


def string(piece: Piece, ends_with_nul: bool = False) -> str:
    """The bytes of a piece."""
    content = piece.content.removesuffix(b"\0") if ends_with_nul else piece.content
    return quoted(content, piece.is_cut)


def pointer_or(value: int, pieces: list[Piece] | None, show: Callable[[list[Piece]], str]) -> str:
    """What is at an address; the address itself where nothing was to be had."""
    if not pieces:
        return number("ptr", value)
    try:
        return show(pieces)
    except ValueError:  # of a structure only a part
        return number("ptr", value)


def chooser(names: Iterable[str]) -> Callable[[str], bool]:
    """Whether a call is wanted: one of `names`, or with a `!` before the first one of no other."""
    given = [name for name in names if name]
    if given and given[0].startswith("!"):
        unwanted = {name.removeprefix("!") for name in given}
        return lambda name: name not in unwanted
    wanted = set(given)
    return lambda name: not wanted or name in wanted
