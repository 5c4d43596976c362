"""As whom a program runs: names and numbers of passwd(5) and group(5)."""

from __future__ import annotations

import pytest

from harness.engine.users import Tables, User, check_user, lines_of, resolve
from harness.errors import HarnessError

PASSWD = b"root:x:0:0:root:/root:/bin/sh\nbob:x:1000:100:Bob:/home/bob:/bin/sh\n# no\nbad\nodd:x:many:0::/:\n"
PASSWD += b"nohome:x:7:7:::\n"
GROUP = b"root:x:0:\nusers:x:100:bob\nwheel:x:10:root,bob\naudio:x:29:bob\nodd:x:?:bob\n"
TABLES = Tables([*lines_of(PASSWD, 6)], [*lines_of(GROUP, 4)])
EMPTY = Tables([], [])


@pytest.mark.parametrize(
    ("wanted", "added", "user"),
    [
        ("bob", (), User(1000, 100, (100, 10, 29), "/home/bob")),
        ("1000", (), User(1000, 100, (100, 10, 29), "/home/bob")),
        ("bob:wheel", (), User(1000, 10, (), "/home/bob")),
        ("bob:77", ("audio", "5"), User(1000, 77, (29, 5), "/home/bob")),
        ("0", (), User(0, 0, (10,), "/root")),
        ("55", (), User(55, 0, (), "/")),
        ("55:66", ("66", "66"), User(55, 66, (66,), "/")),
        ("nohome", (), User(7, 7, (), "/")),
    ],
)
def test_as_docker_resolves_it(wanted: str, added: tuple[str, ...], user: User) -> None:
    assert resolve(TABLES, wanted, added) == user


@pytest.mark.parametrize(
    ("wanted", "added", "complaint"),
    [
        ("eve", (), "--user eve: there is no user eve"),
        ("bob:eve", (), "--user bob:eve: there is no group eve"),
        ("bob", ("eve",), "--group-add eve: there is no group eve"),
        ("odd", (), "has no numbers for odd"),
        ("bob:odd", (), "odd is no group"),
        ("0", tuple(map(str, range(40))), "at most 32"),
        ("0", ("4294967295",), "is no group"),
    ],
)
def test_what_there_is_not_is_said(wanted: str, added: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(HarnessError, match=complaint):
        resolve(TABLES, wanted, added)


def test_without_tables_numbers_will_do() -> None:
    assert resolve(EMPTY, "5:6", ("7",)) == User(5, 6, (7,), "/")
    with pytest.raises(HarnessError, match="no user root"):
        resolve(EMPTY, "root", ())


@pytest.mark.parametrize("wanted", ["", ":", "a:", ":b", "1:2:3", "-5", "4294967295", "1:4294967295", "9" * 30])
def test_no_user_at_all(wanted: str) -> None:
    with pytest.raises(HarnessError, match="give names or numbers"):
        check_user(wanted)
