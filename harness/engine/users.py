"""As whom a program runs: -u by numbers, or by names of the container's passwd(5) and group(5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.engine.guest_files import GuestFiles
from harness.errors import HarnessError

NO_ID = (1 << 32) - 1
"""(uid_t)-1 means "none" in setresuid(2)."""
TABLE_MAX = 1 << 20
GROUPS_MAX = 32
"""What the kernel keeps of supplementary groups."""


@dataclass(frozen=True)
class User:
    """The ids of a program, and its home."""

    user: int = 0
    group: int = 0
    groups: tuple[int, ...] = ()
    home: str = "/"


@dataclass(frozen=True)
class Tables:
    """The lines of passwd(5) and group(5), by fields."""

    users: Sequence[list[str]]
    groups: Sequence[list[str]]


def number_of(text: str) -> int | None:
    """An id that is written as a number; None for a name."""
    return int(text) if text.isascii() and text.isdigit() else None


def check_user(wanted: str) -> None:
    """Raise HarnessError, before a machine is booted for it, for what can be no USER[:GROUP]."""
    user, colon, group = wanted.partition(":")
    for part in (user, group) if colon else (user,):
        number = number_of(part)
        if not part or part.startswith("-") or ":" in part or (number is not None and number >= NO_ID):
            raise HarnessError(f"--user {wanted}: give names or numbers, such as 1000, 1000:1000 or www-data")


def lines_of(content: bytes | None, fields: int) -> Iterator[list[str]]:
    """The lines of a table that are whole."""
    for line in (content or b"").decode("utf-8", "surrogateescape").splitlines():
        parts = line.split(":")
        if len(parts) >= fields and not line.startswith("#"):
            yield parts


async def find_user(files: GuestFiles, wanted: str, added: Sequence[str]) -> User:
    """The user USER[:GROUP], with the groups `added`. Raises HarnessError for a name that there is not."""
    passwd = await files.read_file(b"/etc/passwd", TABLE_MAX)
    group = await files.read_file(b"/etc/group", TABLE_MAX)
    return resolve(Tables([*lines_of(passwd, 6)], [*lines_of(group, 4)]), wanted, added)


def resolve(tables: Tables, wanted: str, added: Sequence[str]) -> User:
    """As docker resolves it: without GROUP the user's own, and then also all groups that list the user."""
    name, colon, group_name = wanted.partition(":")
    number = number_of(name)
    entry = next((one for one in tables.users if one[0] == name or (number is not None and one[2] == name)), None)
    if entry is None and number is None:
        raise HarnessError(f"--user {wanted}: there is no user {name} in the container's /etc/passwd")
    user = number if entry is None else number_of(entry[2])
    own_group = 0 if entry is None else number_of(entry[3])
    if user is None or own_group is None or max(user, own_group) >= NO_ID:
        raise HarnessError(f"--user {wanted}: the container's /etc/passwd has no numbers for {name}")
    home = "/" if entry is None or not entry[5] else entry[5]
    groups = [group_number(tables, one, f"--group-add {one}") for one in added]
    if colon:
        own_group = group_number(tables, group_name, f"--user {wanted}")
    elif entry is not None:
        listed = (one for one in tables.groups if entry[0] in one[3].split(","))
        groups[:0] = [found for one in listed if (found := number_of(one[2])) is not None and found < NO_ID]
    unique = tuple(dict.fromkeys(groups))
    if len(unique) > GROUPS_MAX:
        raise HarnessError(f"--user {wanted}: {len(unique)} groups, and a program has at most {GROUPS_MAX}")
    return User(user, own_group, unique, home)


def group_number(tables: Tables, wanted: str, what: str) -> int:
    """The number of a group by name or number. Raises HarnessError."""
    number = number_of(wanted)
    if number is None:
        entry = next((one for one in tables.groups if one[0] == wanted), None)
        if entry is None:
            raise HarnessError(f"{what}: there is no group {wanted} in the container's /etc/group")
        number = number_of(entry[2])
    if number is None or number >= NO_ID:
        raise HarnessError(f"{what}: {wanted} is no group")
    return number
