"""What is no root file system is told by name, with what to do; and what the harness knows of the kernel is true."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from codegen.layout import size_of
from harness.archive import Format, boot_archive
from harness.errors import HarnessError
from harness.images import limits, memory
from harness.images.recognise import SIGNATURES, Signature
from kernel.files.content import SIZE_MAX, Content
from kernel.files.directory import SHORT_NAME, Directory, DirectoryEntry, LongName
from kernel.files.extended import NAME_MAX as ATTRIBUTE_NAME_MAX
from kernel.files.extended import VALUE_MAX, ExtendedAttribute, ExtendedAttributes
from kernel.files.flags import NAME_MAX, PATH_MAX, SYMLINK_MAX
from kernel.files.inode import Inode
from kernel.files.link_target import TARGET_MAX, LinkTarget
from kernel.files.tree import LINKS_MAX
from kernel.memory.frame_table import Frame
from kernel.memory.heap import CLASS_SIZES, class_of
from kernel.syscalls.files_extended import SECURITY, TRUSTED, USER
from tests.harness.tars import END, member, read
from tests.needs import require


def refusal(source: Path) -> str:
    """Why something is no root file system."""
    with pytest.raises(HarnessError) as caught:
        boot_archive(b"", {"root": source}, print)
    text = str(caught.value)
    assert text.startswith(f"{source}: ") and "\n" not in text
    return text.removeprefix(f"{source}: ")


@pytest.mark.parametrize("signature", SIGNATURES, ids=lambda one: f"{one.magic!r}")
def test_files_that_are_something_else(tmp_path: Path, signature: Signature) -> None:
    path = tmp_path / "file"
    content = bytearray(signature.place + len(signature.magic) + 1000)
    content[signature.place : signature.place + len(signature.magic)] = signature.magic
    path.write_bytes(content)
    if signature.what == "something compressed twice":
        return  # it is unpacked once: test_images_stream.py
    assert refusal(path) == f"is {signature.what}, no tar file: {signature.advice}"


MAKE_EXT4 = "/usr/sbin/mkfs.ext4"


def test_a_real_image_of_a_disk(tmp_path: Path) -> None:
    require(MAKE_EXT4)
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run([MAKE_EXT4, "-q", path], check=True)
    assert refusal(path).startswith("is an image of an ext2, ext3 or ext4 file system, no tar file: mount it")


@pytest.mark.parametrize("content", [b"", b"text\n", os.urandom(5000), b"#!/bin/sh\n" * 1000])
def test_files_that_are_nothing_known(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    what = "is no tar file" if content else "is empty"
    assert refusal(path) == (
        f"{what}; ROOTFS is a directory or a tar file, plain or compressed by gzip, bzip2, xz or zstd"
    )


OTHER_IMAGES = {
    "docker save, as it was": (
        ("manifest.json", "repositories", "abc.json", "abc/layer.tar", "abc/VERSION"),
        "is an image as `docker save` writes it, not a root file system: give what `docker export` writes",
    ),
    "docker save, as it is": (
        ("manifest.json", "oci-layout", "index.json", "blobs/sha256/abc"),
        "is an image as `docker save` writes it",
    ),
    "OCI": (("oci-layout", "index.json", "blobs/sha256/abc"), "is an OCI image, not a root file system: unpack it"),
    "a bundle": (("config.json", "rootfs/bin/sh"), "is an OCI bundle, not a root file system: give its folder rootfs"),
}


@pytest.mark.parametrize(("names", "complaint"), OTHER_IMAGES.values(), ids=OTHER_IMAGES)
def test_images_of_other_tools(tmp_path: Path, names: tuple[str, ...], complaint: str) -> None:
    path, folder = tmp_path / "image.tar", tmp_path / "image"
    path.write_bytes(b"".join(member(name.encode(), b"{}") for name in names) + END)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    assert refusal(path).startswith(complaint) and refusal(folder).startswith(complaint)
    (folder / "etc").mkdir()
    assert b"/etc" in read(folder)[0]


def test_places_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("missing")
    assert refusal(tmp_path / "missing").startswith(
        "no such directory or tar file; ROOTFS is a directory or a tar file"
    )
    assert refusal(tmp_path / "nowhere").startswith("no such directory or tar file")
    assert refusal(tmp_path / "fifo").startswith("is neither a directory nor a file; ROOTFS is")
    assert refusal(Path("/dev/null")).startswith("is neither a directory nor a file; ROOTFS is")
    assert refusal(tmp_path / "loop").startswith("Too many levels of symbolic links; ROOTFS is")
    assert refusal(tmp_path / ("n" * 300)).startswith("File name too long; ROOTFS is")


def on_heap(kind: type) -> int:
    """What an object takes on the kernel's heap."""
    return CLASS_SIZES[class_of(size_of(kind))]


def test_limits_are_the_kernel_s() -> None:
    assert (limits.NAME_MAX, limits.PATH_MAX, limits.SYMLINK_MAX) == (NAME_MAX, PATH_MAX, SYMLINK_MAX)
    assert limits.LINKS_MAX == LINKS_MAX and limits.FILE_MAX <= SIZE_MAX
    assert (limits.ATTRIBUTE_NAME_MAX, limits.ATTRIBUTES_MAX) == (ATTRIBUTE_NAME_MAX, VALUE_MAX)
    assert limits.ATTRIBUTE_PREFIXES == (USER, TRUSTED, SECURITY)


def test_costs_are_the_kernel_s() -> None:
    assert (on_heap(Inode), on_heap(Directory), on_heap(Content)) == (limits.INODE, limits.DIRECTORY, limits.CONTENT)
    assert (on_heap(LinkTarget), TARGET_MAX) == (limits.TARGET, limits.TARGET_SHORT)
    assert (
        on_heap(DirectoryEntry),
        on_heap(LongName),
        SHORT_NAME,
    ) == (limits.ENTRY, limits.LONG_NAME, limits.NAME_SHORT)
    assert (on_heap(ExtendedAttribute), on_heap(ExtendedAttributes)) == (limits.ATTRIBUTE, limits.ATTRIBUTES)
    assert (Format().entry.size, size_of(Frame)) == (memory.ENTRY_IN_ARCHIVE, memory.PER_PAGE)
