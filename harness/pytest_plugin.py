"""The pytest plugin of the package: fixtures for tests of other projects (docs/python.md).

`pithos_rootfs` is what a project overrides: the root file system of its tests, a directory or a tar file.
`pithos_machine` is booted from it once a session; `pithos_container` is a fresh container of that for each test.
Nothing of Pithos is imported before a test asks for one of them, and without pytest-asyncio they say what is missing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.api.container import Container
    from harness.api.machine import Machine


def session_fixture(scope: str) -> Callable[[Any], Any]:
    """A fixture of pytest-asyncio whose loop lasts for the session; one that skips where there is no pytest-asyncio."""
    if find_spec("pytest_asyncio") is None:

        def refused(function: Any) -> Any:
            def missing() -> None:
                pytest.skip("the fixtures of Pithos want pytest-asyncio: pip install pytest-asyncio")

            return pytest.fixture(scope=scope, name=function.__name__)(missing)  # type: ignore[call-overload]

        return refused
    import pytest_asyncio

    made: Callable[[Any], Any] = pytest_asyncio.fixture(scope=scope, loop_scope="session")  # type: ignore[call-overload]
    return made


@pytest.fixture(scope="session")
def pithos_rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This machine's static busybox as a root file system, unless the project has a fixture of this name."""
    from harness.rootfs import NoBusybox, make_rootfs

    folder = tmp_path_factory.mktemp("pithos-rootfs")
    try:
        make_rootfs(folder)
    except NoBusybox as reason:
        pytest.skip(str(reason))
    folder.chmod(0o755)
    return folder


@session_fixture("session")
async def pithos_machine(pithos_rootfs: Path) -> AsyncIterator[Machine]:
    """A machine that is on for the whole session."""
    from harness.api.machine import Machine

    async with Machine(pithos_rootfs) as machine:
        yield machine


@session_fixture("function")
async def pithos_container(pithos_machine: Machine) -> AsyncIterator[Container]:
    """A fresh container. The test fails if anything of it is left afterwards."""
    async with pithos_machine.container() as container:
        yield container
        state = await container.destroy()
    left = {name: state.get(name, 0) for name in ("pages_used", "processes_used", "open_files")}
    assert not any(left.values()), f"the container has left {left}"
