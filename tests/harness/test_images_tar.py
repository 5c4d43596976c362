"""Tar files become trees: the later member counts, nothing leads out of the tree, every format says what it can."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tests.harness.tars import (
    END,
    GNU,
    OLD,
    binary,
    extended,
    header,
    image,
    libarchive_value,
    member,
    octal,
    padded,
)

FOLDER = b"5"


def test_the_later_member_of_a_name_counts(tmp_path: Path) -> None:
    files, said = image(
        tmp_path,
        member(b"f", b"one"),
        member(b"link", b"was a file"),
        header(b"was-link", b"2", target=b"f"),
        header(b"d", FOLDER, mode=octal(0o700, 8)),
        member(b"d/kept", b"kept"),
        member(b"gone/below", b"gone"),
        member(b"f", b"two"),
        header(b"link", b"2", target=b"f"),
        member(b"was-link", b"a file"),
        header(b"d/", FOLDER, mode=octal(0o1750, 8), user=octal(5, 8)),
        member(b"gone", b"a file over a folder"),
    )
    assert files[b"/f"].contents == b"two" and files[b"/was-link"].contents == b"a file"
    assert (files[b"/link"].kind, files[b"/link"].contents) == (stat.S_IFLNK, b"f")
    assert (files[b"/d"].permissions, files[b"/d"].user, files[b"/d/kept"].contents) == (0o1750, 5, b"kept")
    assert files[b"/gone"].contents == b"a file over a folder" and b"/gone/below" not in files
    assert said == []


def test_a_file_that_others_are_below_becomes_a_folder(tmp_path: Path) -> None:
    files, said = image(tmp_path, member(b"d", b"x"), member(b"d/e", b"two"))
    assert files[b"/d/e"].contents == b"two"
    assert said == ["files with others below them, made directories: d/e"]


def test_paths_through_links_stay_in_the_tree(tmp_path: Path) -> None:
    files, said = image(
        tmp_path,
        header(b"up", b"2", target=b"../../../.."),
        header(b"root", b"2", target=b"/"),
        header(b"away", b"2", target=b"/images/other"),
        header(b"deep/rel", b"2", target=b"../usr/lib"),
        header(b"chain", b"2", target=b"deep/rel"),
        member(b"up/one", b"1"),
        member(b"root/two", b"2"),
        member(b"away/three", b"3"),
        member(b"chain/four", b"4"),
        member(b"root/up/root/five", b"5"),
    )
    assert {path: node.contents for path, node in files.items() if node.kind == stat.S_IFREG} == {
        b"/one": b"1",
        b"/two": b"2",
        b"/images/other/three": b"3",
        b"/usr/lib/four": b"4",
        b"/five": b"5",
    }
    assert files[b"/up"].contents == b"../../../.." and files[b"/deep/rel"].contents == b"../usr/lib"
    assert said == []


def test_the_last_name_of_a_path_is_never_followed(tmp_path: Path) -> None:
    files, _ = image(tmp_path, header(b"l", b"2", target=b"there"), header(b"l/", FOLDER), member(b"l/f", b"x"))
    assert files[b"/l"].kind == stat.S_IFDIR and b"/there" not in files and b"/l/f" in files


def test_what_has_no_place_is_left_out_and_said_once(tmp_path: Path) -> None:
    files, said = image(
        tmp_path,
        header(b"loop", b"2", target=b"loop"),
        member(b"loop/f", b"x"),
        member(b"loop/g", b"x"),
        member(b"../escaped", b"x"),
        member(b"a/../../b", b"x"),
        extended([(b"path", b"n" * 256)]),
        member(b"short", b"x"),
        extended([(b"path", b"/".join([b"n" * 200] * 21))]),
        member(b"short", b"x"),
        header(b"empty", b"2"),
        extended([(b"linkpath", b"t" * 4096)]),
        header(b"long", b"2", target=b"t"),
        member(b".", b"a root that is a file"),
        header(b"dir", FOLDER),
        header(b"absent", b"1", target=b"nothing"),
        header(b"absent2", b"1", target=b"absent"),
        header(b"todir", b"1", target=b"dir"),
        header(b"self", b"1", target=b"self"),
        header(b"device", b"3", major=octal(5000, 8)),
    )
    assert sorted(files) == [b"", b"/dir", b"/loop"]
    assert sorted(said) == [
        "devices with numbers that do not fit, left out: device",
        "hard links to directories, left out: todir",
        "hard links to what is not there, left out: 3 of them, the first is absent",
        "members below links that lead nowhere, left out: 2 of them, the first is loop/f",
        "members that are the root but no directory, left out: .",
        "members whose names lead upwards by '..', left out: 2 of them, the first is ../escaped",
        f"members with a name of more than 255 bytes, left out: {'n' * 100}…",
        f"members with a path of more than 4,095 bytes, left out: {'n' * 100}…",
        "symbolic links without a target, or with one of more than 4,095 bytes, left out: 2 of them, "
        "the first is empty",
    ]


def test_names_are_shown_in_one_line_without_what_terminals_obey(tmp_path: Path) -> None:
    _, said = image(tmp_path, member(b"../\x1b[31m\n\xffred", b""))
    assert said == ["members whose names lead upwards by '..', left out: ../\\x1b[31m\\n\\xffred"]


def test_hard_links(tmp_path: Path) -> None:
    files, said = image(
        tmp_path,
        header(b"early", b"1", target=b"later"),
        header(b"earlier", b"1", target=b"early"),
        member(b"f", b"one"),
        header(b"same", b"1", target=b"./f"),
        header(b"s", b"2", target=b"f"),
        header(b"hard-s", b"1", target=b"s"),
        member(b"f", b"two"),
        member(b"later", b"late"),
        header(b"dir/fifo", b"6"),
        header(b"fifo2", b"1", target=b"/dir/fifo"),
        header(b"f", b"1", target=b"f"),
        header(b"replaced", b"1", target=b"later"),
        member(b"replaced", b"by a file"),
        header(b"waits", b"1", target=b"last"),
        member(b"waits", b"not any more"),
        member(b"last", b"last"),
    )
    assert files[b"/same"].contents == b"one" and files[b"/f"].contents == b"two"
    assert files[b"/hard-s"] is files[b"/s"] and files[b"/s"].kind == stat.S_IFLNK
    assert files[b"/early"] is files[b"/earlier"] is files[b"/later"]
    assert files[b"/fifo2"] is files[b"/dir/fifo"]
    assert files[b"/replaced"].contents == b"by a file" and files[b"/waits"].contents == b"not any more"
    assert said == []


def test_many_hard_links_that_wait_for_each_other(tmp_path: Path) -> None:
    names = [b"l%d" % number for number in range(3000)]
    links = [header(name, b"1", target=target) for name, target in zip(names[1:], names, strict=False)]
    files, said = image(tmp_path, *links[::-1], member(names[0], b"x"))
    assert len({id(files[b"/" + name]) for name in names}) == 1 and said == []
    ring = [header(b"a", b"1", target=b"b"), header(b"b", b"1", target=b"c"), header(b"c", b"1", target=b"a")]
    files, said = image(tmp_path, *ring)
    assert list(files) == [b""] and said[0].startswith("hard links to what is not there, left out: 3 of them")


def test_owners_modes_and_times(tmp_path: Path) -> None:
    files, said = image(
        tmp_path,
        member(b"plain", mode=octal(0o104755, 8), user=octal(1000, 8), group=octal(100, 8), time=octal(1 << 32, 12)),
        member(b"spaces", mode=b"   644 \0", user=b"0000012 ", time=b" 12345670001"),
        member(b"blank", mode=bytes(8), user=bytes(8)),
        member(b"binary", user=binary(4294967294, 8), group=binary(1 << 40, 8), time=binary(-5, 12)),
        extended([(b"mtime", b"-1.25"), (b"uid", b"4294967294"), (b"gid", b"99999999999"), (b"size", b"3")]),
        header(b"pax", size=0) + padded(b"abc"),
        extended([(b"mtime", b"1700000000.123456789987"), (b"uid", b"")]),
        member(b"fine", user=octal(7, 8)),
        extended([(b"mtime", b"9" * 25)]),
        member(b"end-of-days"),
        extended([(b"mtime", b"-99999999999999999999")]),
        member(b"begin-of-days"),
    )
    assert (files[b"/plain"].permissions, files[b"/plain"].user, files[b"/plain"].group) == (0o4755, 1000, 100)
    assert files[b"/plain"].seconds == 1 << 32
    assert (files[b"/spaces"].permissions, files[b"/spaces"].user) == (0o644, 10)
    assert files[b"/spaces"].seconds == 0o12345670001
    assert (files[b"/blank"].permissions, files[b"/blank"].user) == (0, 0)
    assert (files[b"/binary"].user, files[b"/binary"].group, files[b"/binary"].seconds) == (4294967294, 65534, -5)
    assert (files[b"/pax"].seconds, files[b"/pax"].nanoseconds, files[b"/pax"].contents) == (-2, 750_000_000, b"abc")
    assert (files[b"/pax"].user, files[b"/pax"].group) == (4294967294, 65534)
    assert (files[b"/fine"].seconds, files[b"/fine"].nanoseconds, files[b"/fine"].user) == (1700000000, 123456789, 7)
    assert files[b"/end-of-days"].seconds == (1 << 63) - 1 and files[b"/begin-of-days"].seconds == -(1 << 63)
    assert said == [
        "owners or groups beyond 32 bits, made 65534: 2 of them, the first is binary",
        "times beyond 64 bits, moved to the end of that range: 2 of them, the first is end-of-days",
    ]


def test_names_of_every_format(tmp_path: Path) -> None:
    files, _ = image(
        tmp_path,
        member(b"n" * 100, prefix=b"p" * 155),
        member(b"old/", magic=OLD),
        member(b"x" * 100, magic=GNU, prefix=b"not a name"),
        member(b"././@LongLink", b"l/" * 150 + b"f\0", b"L", magic=GNU),
        member(b"././@LongLink", b"t" * 300 + b"\0", b"K", magic=GNU),
        header(b"cut", b"2", target=b"cut", magic=GNU),
        extended([(b"path", b"global/f")], b"g"),
        member(b"ignored"),
        extended([(b"path", b"x/\xff\xfe")]),
        member(b"ignored"),
        extended([(b"path", b""), (b"comment", b"says\0nothing")]),
        member(b"counts"),
    )
    names = {path for path, node in files.items() if node.kind != stat.S_IFDIR}
    assert names == {
        b"/" + b"p" * 155 + b"/" + b"n" * 100,
        b"/" + b"x" * 100,
        b"/" + b"l/" * 150 + b"f",
        b"/global/f",
        b"/x/\xff\xfe",
        b"/counts",
    }
    assert files[b"/" + b"l/" * 150 + b"f"].contents == b"t" * 300
    assert files[b"/old"].kind == stat.S_IFDIR


def test_nodes(tmp_path: Path) -> None:
    files, said = image(
        tmp_path,
        header(b"fifo", b"6"),
        header(b"null", b"3", major=octal(1, 8), minor=octal(3, 8)),
        header(b"disk", b"4", major=octal(259, 8), minor=octal(70000, 8)),
        member(b"dumped", b"Yname\0\0", b"D", magic=GNU),
        member(b"contiguous", b"c", b"7"),
        member(b"volume", b"", b"V", magic=GNU),
        member(b"strange", b"s", b"Z"),
    )
    assert files[b"/fifo"].kind == stat.S_IFIFO
    assert (files[b"/null"].kind, files[b"/null"].device) == (stat.S_IFCHR, os.makedev(1, 3))
    assert (files[b"/disk"].kind, files[b"/disk"].device) == (stat.S_IFBLK, os.makedev(259, 70000))
    assert files[b"/dumped"].kind == stat.S_IFDIR and files[b"/contiguous"].contents == b"c"
    assert files[b"/strange"].contents == b"s" and b"/volume" not in files
    assert said == ["members of unknown types, made regular files: strange"]


def test_extended_attributes(tmp_path: Path) -> None:
    capability = bytes(20)
    files, said = image(
        tmp_path,
        extended(
            [
                (b"SCHILY.xattr.user.b", b"two\nlines\0=\xff"),
                (b"SCHILY.xattr.user.a", b""),
                (b"LIBARCHIVE.xattr.user.c%25", libarchive_value(b"\0\1\2\3")),
                (b"LIBARCHIVE.xattr.user.a", libarchive_value(b"the other spelling counts")),
                (b"SCHILY.xattr.security.capability", capability),
                (b"RHT.security.selinux", b"system_u\0"),
                (b"SCHILY.xattr.trusted.t", b"t"),
                (b"SCHILY.xattr.system.odd", b"t"),
                (b"SCHILY.xattr.user.", b"t"),
                (b"SCHILY.xattr.user.large", bytes(65_537)),
                (b"SCHILY.acl.access", b"user::rwx"),
            ]
        ),
        member(b"f", b"x"),
        extended([(b"SCHILY.xattr.user.x", b"1"), (b"SCHILY.xattr.trusted.x", b"1")]),
        header(b"l", b"2", target=b"f"),
    )
    assert files[b"/f"].attributes == {
        b"user.a": b"",
        b"user.b": b"two\nlines\0=\xff",
        b"user.c%": b"\0\1\2\3",
        b"security.capability": capability,
        b"security.selinux": b"system_u\0",
        b"trusted.t": b"t",
    }
    assert files[b"/l"].attributes == {b"trusted.x": b"1"}
    assert said == [
        "access control lists, left out: f",
        "extended attributes that the kernel does not keep, left out: 4 of them, the first is f",
    ]


def test_archives_behind_each_other_are_one(tmp_path: Path) -> None:
    first = extended([(b"uid", b"5")], b"g") + member(b"a", b"1")
    files, said = image(tmp_path, first, END, bytes(512 * 17), member(b"b", b"2"), END, member(b"a", b"3"))
    assert files[b"/a"].contents == b"3" and files[b"/b"].contents == b"2" and files[b"/b"].user == 0
    assert said == []


def test_a_global_header_counts_for_all_that_follow(tmp_path: Path) -> None:
    files, _ = image(
        tmp_path,
        extended([(b"uid", b"5"), (b"comment", b"a commit")], b"g"),
        member(b"a"),
        extended([(b"uid", b"6")]),
        member(b"b"),
        extended([(b"uid", b"7")], b"g"),
        member(b"c"),
    )
    assert [files[name].user for name in (b"/a", b"/b", b"/c")] == [5, 6, 7]


def test_one_block_of_zeros_ends_an_archive(tmp_path: Path) -> None:
    files, _ = image(tmp_path, member(b"a", b"1"), end=bytes(512))
    assert files[b"/a"].contents == b"1"
    files, _ = image(tmp_path, extended([(b"comment", b"an empty commit")], b"g"))
    assert list(files) == [b""]


def test_what_is_only_zeros_is_an_empty_root(tmp_path: Path) -> None:
    files, said = image(tmp_path)
    assert list(files) == [b""] and said == []
