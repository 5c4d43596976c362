"""The structs of the container calls: once published, a field stays where it is."""

from __future__ import annotations

import pytest

from codegen.lang import offset_of, size_of
from kernel.containers.abi import ContainerConfig, ContainerState, FdPair, ResourceLimit, RunSpec

PLACES = [
    (ContainerConfig, "size", 0),
    (ContainerConfig, "version", 8),
    (ContainerConfig, "name", 16),
    (ContainerConfig, "root", 32),
    (ContainerConfig, "hostname", 48),
    (ContainerConfig, "page_limit", 64),
    (ContainerConfig, "weight", 80),
    (RunSpec, "path", 16),
    (RunSpec, "argv", 32),
    (RunSpec, "cwd", 64),
    (RunSpec, "uid", 80),
    (RunSpec, "fds", 88),
    (RunSpec, "groups", 104),
    (RunSpec, "limits", 120),
    (FdPair, "target", 4),
    (ResourceLimit, "soft", 8),
    (ContainerState, "stage", 8),
    (ContainerState, "pages_used", 40),
    (ContainerState, "reclaimed_pages", 64),
]


@pytest.mark.parametrize(("kind", "field", "offset"), PLACES)
def test_fields_stay_where_they_are(kind: type, field: str, offset: int) -> None:
    assert offset_of(kind, field) == offset


def test_sizes() -> None:
    assert [size_of(kind) for kind in (ContainerConfig, RunSpec, FdPair)] == [96, 136, 8]
