"""What a file or a tree looks like that is no root file system, and what can be done to get one out of it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import HarnessError
from harness.images.stream import Bytes
from harness.images.tree import Tree

EXPECTED = "ROOTFS is a directory or a tar file, plain or compressed by gzip, bzip2, xz or zstd"
UNPACK_DISK = "mount it (mount -o loop,ro), and give the directory"


@dataclass(frozen=True)
class Signature:
    """Bytes at a place that tell what a file is."""

    place: int
    magic: bytes
    what: str
    advice: str = EXPECTED


SIGNATURES = (
    Signature(0x438, b"\x53\xef", "an image of an ext2, ext3 or ext4 file system", UNPACK_DISK),
    Signature(0, b"hsqs", "a squashfs image", "unpack it (unsquashfs -d FOLDER), and give the folder"),
    Signature(0, b"sqsh", "a squashfs image", "unpack it (unsquashfs -d FOLDER), and give the folder"),
    Signature(
        0x400, b"\xe2\xe1\xf5\xe0", "an EROFS image", "unpack it (fsck.erofs --extract=FOLDER), and give the folder"
    ),
    Signature(0, b"XFSB", "an image of an XFS file system", UNPACK_DISK),
    Signature(0x10040, b"_BHRfS_M", "an image of a btrfs file system", UNPACK_DISK),
    Signature(0x8001, b"CD001", "an ISO 9660 image", UNPACK_DISK),
    Signature(
        0, b"QFI\xfb", "a qcow2 disk", "take a file system out of it (virt-tar-out -a FILE / ROOT.tar), and give that"
    ),
    Signature(
        0, b"KDMV", "a VMDK disk", "take a file system out of it (virt-tar-out -a FILE / ROOT.tar), and give that"
    ),
    Signature(
        0, b"vhdxfile", "a VHDX disk", "take a file system out of it (virt-tar-out -a FILE / ROOT.tar), and give that"
    ),
    Signature(
        0x200,
        b"EFI PART",
        "an image of a disk with partitions",
        "take a file system out of it, and give that as a directory",
    ),
    Signature(0, b"PK\x03\x04", "a zip archive", "unpack it (unzip -d FOLDER), and give the folder"),
    Signature(0, b"PK\x05\x06", "an empty zip archive"),
    Signature(0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it (7z x), and give the folder"),
    Signature(0, b"070701", "a cpio archive", "unpack it (cpio -idm), and give the folder"),
    Signature(0, b"070702", "a cpio archive", "unpack it (cpio -idm), and give the folder"),
    Signature(0, b"070707", "a cpio archive", "unpack it (cpio -idm), and give the folder"),
    Signature(0, b"\xc7\x71", "a cpio archive", "unpack it (cpio -idm), and give the folder"),
    Signature(
        0,
        b"!<arch>\n",
        "a Debian package or another ar archive",
        "unpack it (dpkg-deb -x FILE FOLDER), and give the folder",
    ),
    Signature(0, b"\xed\xab\xee\xdb", "an RPM package", "unpack it (rpm2cpio FILE | cpio -idm), and give the folder"),
    Signature(0, b"\x7fELF", "a program", f"put it into a directory, and give that; {EXPECTED}"),
    Signature(0, b"\x04\x22\x4d\x18", "something compressed by lz4", "unpack it first (lz4 -d)"),
    Signature(0, b"LZIP", "something compressed by lzip", "unpack it first (lzip -d)"),
    Signature(0, b"\x89LZO", "something compressed by lzop", "unpack it first (lzop -d)"),
    Signature(0, b"\x1f\x9d", "something compressed by compress", "unpack it first (uncompress)"),
    Signature(0, b"\x5d\x00\x00", "something compressed by lzma", "unpack it first (unlzma)"),
    Signature(0, b"\x1f\x8b", "something compressed twice", "unpack it once"),
    Signature(0, b"BZh", "something compressed twice", "unpack it once"),
    Signature(0, b"\xfd7zXZ\0", "something compressed twice", "unpack it once"),
    Signature(0, b"\x28\xb5\x2f\xfd", "something compressed twice", "unpack it once"),
    Signature(0x1FE, b"\x55\xaa", "an image of a disk", "take a file system out of it, and give that as a directory"),
)
"""file(1) knows the same; those at the beginning of a disk come last, as file systems may have them too."""

TOP_OF_A_ROOT = frozenset({b"bin", b"sbin", b"usr", b"lib", b"etc", b"nix", b"gnu"})
"""A root file system has one of these, whatever else is in it."""


def look(content: Bytes) -> Signature | None:
    """What the bytes look like, if they are known."""
    return next((one for one in SIGNATURES if content.read(one.place, len(one.magic)) == one.magic), None)


def not_a_tar(content: Bytes) -> str:
    """Why the bytes are no root file system, and what to do."""
    if not content.read(0, 1):
        return f"is empty; {EXPECTED}"
    found = look(content)
    within = "holds" if content.is_compressed else "is"
    if found is None:
        return f"{within} no tar file; {EXPECTED}"
    return f"{within} {found.what}, no tar file: {found.advice}"


def refuse_other_images(tree: Tree) -> None:
    """Raise HarnessError for what is packed like a root file system, but is an image of some container tool."""
    names = frozenset(tree.root.children)
    if names & TOP_OF_A_ROOT:
        return
    what, advice = "", ""
    if {b"oci-layout", b"index.json"} <= names and b"manifest.json" not in names:
        what = "an OCI image"
        advice = "unpack it (umoci unpack --image FOLDER BUNDLE), and give BUNDLE/rootfs"
    elif b"manifest.json" in names and (names & {b"repositories", b"blobs"} or any(b".json" in one for one in names)):
        what = "an image as `docker save` writes it"
        advice = "give what `docker export` writes of a container of it (docker create IMAGE, docker export ID)"
    elif {b"config.json", b"rootfs"} <= names:
        what, advice = "an OCI bundle", "give its folder rootfs"
    if what:
        raise HarnessError(f"{tree.source}: is {what}, not a root file system: {advice}")
