"""The options of `pithos run` that docker has, and the messages for those that there are not."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from harness.cli.run import run
from harness.cli.unavailable import OPTIONS, VERBS
from tests.needs import needs
from tests.system.test_command import TIMEOUT, command, pithos

needs_qemu = needs("qemu-system-x86_64")
pytestmark = pytest.mark.qemu


def lines_of(rootfs: Path, script: str, *options: str | Path, status: int = 0) -> list[str]:
    """What a shell script prints in a container with these options; nothing else is said."""
    done = pithos("run", *options, rootfs, "--", "sh", "-c", script)
    assert (done.returncode, done.stderr) == (status, b"")
    return done.stdout.decode().splitlines()


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A folder with a little of everything."""
    top = tmp_path / "volume"
    (top / "below" / "deep").mkdir(parents=True)
    (top / "one").write_text("first\n")
    (top / "below" / "two").write_text("second\n")
    (top / "below" / "deep" / "three").write_text("third\n")
    (top / "link").symlink_to("one")
    os.utime(top / "one", (1_500_000_000, 1_500_000_000))
    return top


# Volumes.


@needs_qemu
def test_what_a_program_changes_in_a_volume_is_changed_here(rootfs: Path, volume: Path) -> None:
    before = (volume / "one").stat()
    script = """
        cat /data/one /data/link /data/below/two; echo changed > /data/below/two; echo new > /data/new
        rm -r /data/below/deep; mkdir -m 700 /data/made; echo in > /data/made/it; ln -s /nowhere /data/made/away
        mkfifo /data/fifo; chmod 640 /data/one; rm /data/link; mkdir /data/link; exit 3
    """
    assert lines_of(rootfs, script, "-v", f"{volume}:/data", status=3) == ["first", "first", "second"]
    assert (volume / "below" / "two").read_text() == "changed\n"
    assert (volume / "new").read_text() == "new\n"
    assert not (volume / "below" / "deep").exists()
    assert stat.S_IMODE((volume / "made").stat().st_mode) == 0o700
    assert (volume / "made" / "it").read_text() == "in\n"
    assert os.readlink(volume / "made" / "away") == "/nowhere"
    assert stat.S_ISFIFO((volume / "fifo").lstat().st_mode)
    assert (volume / "link").is_dir() and not (volume / "link").is_symlink()
    after = (volume / "one").stat()
    assert (stat.S_IMODE(after.st_mode), after.st_mtime_ns) == (0o640, before.st_mtime_ns)
    assert not list(volume.glob(".pithos-*"))


@needs_qemu
def test_a_read_only_volume_stays_as_it_is(rootfs: Path, volume: Path) -> None:
    assert lines_of(rootfs, "echo x > /data/one; rm -r /data/below; cat /data/one", "-v", f"{volume}:/data:ro") == ["x"]
    assert (volume / "one").read_text() == "first\n"
    assert (volume / "below" / "two").exists()


@needs_qemu
def test_what_is_not_changed_is_not_touched(rootfs: Path, volume: Path) -> None:
    before = {path: path.lstat() for path in volume.rglob("*")}
    lines_of(rootfs, "cat /data/*/two; touch /data", "-v", f"{volume}:/data")
    after = {path: path.lstat() for path in volume.rglob("*")}
    told = [(one.st_ino, one.st_mtime_ns, one.st_mode) for one in before.values()]
    assert told == [(one.st_ino, one.st_mtime_ns, one.st_mode) for one in after.values()]


@needs_qemu
def test_volumes_hide_what_was_there_and_lie_in_each_other(rootfs: Path, volume: Path, tmp_path: Path) -> None:
    (inner := tmp_path / "inner").mkdir()
    options = ("-v", f"{volume}:/etc", "-v", f"{inner}:/etc/below/inner", "--tmpfs", "/etc/below/deep:mode=711")
    shows = "ls /etc /etc/below; ls -ld /etc/below/deep | cut -c1-10"
    script = f"{shows}; echo x > /etc/below/inner/x; echo y > /etc/below/deep/y"
    found = lines_of(rootfs, script, *options)
    assert found == ["/etc:", "below", "link", "one", "", "/etc/below:", "deep", "inner", "two", "drwx--x--x"]
    assert (inner / "x").read_text() == "x\n"
    assert not (volume / "below" / "inner").exists(), "it is no part of the outer one"
    assert sorted(path.name for path in (volume / "below" / "deep").iterdir()) == ["three"], "nor is what was hidden"


@needs_qemu
def test_a_file_is_a_volume_too(rootfs: Path, volume: Path) -> None:
    lines_of(rootfs, "echo more >> /etc/motd", "-v", f"{volume / 'link'}:/etc/motd")
    assert (volume / "one").read_text() == "first\nmore\n"
    assert (volume / "link").is_symlink()


@needs_qemu
def test_a_volume_is_copied_back_when_the_program_is_interrupted(rootfs: Path, volume: Path) -> None:
    script = "echo x > /data/new; trap 'exit 9' INT; echo on; while :; do sleep 0.1; done"
    words = command("run", "-v", f"{volume}:/data", rootfs, "--", "sh", "-c", script)
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT) == 9
    assert (volume / "new").read_text() == "x\n"


@needs_qemu
def test_a_program_does_not_reach_out_of_a_volume(rootfs: Path, volume: Path, tmp_path: Path) -> None:
    (outside := tmp_path / "outside").mkdir()
    (outside / "kept").write_text("kept\n")
    script = (
        f"rm -r /data/below; ln -s {outside} /data/below; ln -s {outside}/kept /data/kept; ln -s ../outside /data/up"
    )
    lines_of(rootfs, script, "-v", f"{volume}:/data")
    assert os.readlink(volume / "below") == str(outside)
    lines_of(rootfs, "rm /data/below; mkdir /data/below; echo x > /data/below/kept", "-v", f"{volume}:/data")
    assert (outside / "kept").read_text() == "kept\n"
    assert (volume / "below" / "kept").read_text() == "x\n"


@needs_qemu
@pytest.mark.skipif(os.geteuid() != 0, reason="root writes everywhere else")
def test_what_cannot_be_copied_back_is_a_line(rootfs: Path, tmp_path: Path) -> None:
    (full := tmp_path / "full").mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", full], check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        done = pithos("run", "-v", f"{full}:/data", rootfs, "--", "sh", "-c", "head -c 100000 /dev/zero > /data/large")
        assert done.returncode == 125
        assert b"not all copied back: /data/large: No space left on device\n" in done.stderr
        assert not list(full.iterdir())
    finally:
        subprocess.run(["umount", full], check=True)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("-v", "/nosuch:/x"), "-v /nosuch:/x: there is no /nosuch here"),
        (("-v", ":/x"), "give HOST:GUEST"),
        (("-v", "/tmp:"), "give HOST:GUEST"),
        (("-v", "/tmp:/x:rw:z"), "give HOST:GUEST"),
        (("-v", "/tmp:x"), "'x' is no absolute path of the container"),
        (("-v", "/tmp:/"), "belongs to the container itself"),
        (("-v", "/tmp:/proc/1"), "belongs to the container itself"),
        (("-v", "/tmp:/x/../dev"), "belongs to the container itself"),
        (("-v", "/etc:/x:what"), "'what' is neither ro nor rw"),
        (("-v", "/etc:/x:ro", "-v", "/usr:/x/:ro"), "/x: something is put there twice"),
        (("-v", "/etc/passwd:/etc/passwd/x:ro"), "a part of that path is no directory in ROOTFS"),
        (("-v", "/dev/null:/x:ro"), "is neither a directory nor a file"),
        (("--tmpfs", "x"), "is no absolute path"),
        (("--tmpfs", "/x:size=1m"), "'size=1m' is none of mode=, uid=, gid="),
        (("--tmpfs", "/x:mode=9"), "'mode=9' is none of"),
    ],
)
def test_odd_volumes_are_refused_before_anything_is_started(
    rootfs: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    done = pithos("run", *arguments, rootfs, "--", "true")
    assert (done.returncode, done.stderr.count(b"\n")) == (125, 1)
    assert complaint in done.stderr.decode()


@needs_qemu
def test_v_alone_is_the_log_for_one_more_release(rootfs: Path) -> None:
    for arguments in (("-v",), ("-iv",), ("-m", "64m", "-v")):
        done = pithos("run", *arguments, rootfs, "--", "echo", "a:b")
        assert (done.returncode, done.stdout) == (0, b"a:b\n")
        assert b"-v alone shows the kernel's log for one more release: use --log" in done.stderr
        assert b"pages of memory" in done.stderr


# Who runs it, and with what.


@needs_qemu
def test_users_by_name(rootfs: Path) -> None:
    rootfs.chmod(0o755)
    assert lines_of(rootfs, "id; echo $HOME", "-u", "nobody") == ["uid=65534(nobody) gid=65534(nogroup)", "/"]
    assert lines_of(rootfs, "id; echo $HOME", "-u", "root", "--group-add", "nogroup", "--group-add", "12") == [
        "uid=0(root) gid=0(root) groups=65534(nogroup),12",
        "/root",
    ]
    done = pithos("run", "-u", "eve", rootfs, "--", "true")
    complaint = b"pithos: --user eve: there is no user eve in the container's /etc/passwd\n"
    assert (done.returncode, done.stderr) == (125, complaint)


@needs_qemu
def test_the_environment_is_as_docker_sets_it(rootfs: Path, tmp_path: Path) -> None:
    (variables := tmp_path / "variables").write_text("# no\n\nA=1 2\n  B=in\nHERE\nABSENT\nC=\n")
    options = ("--hostname", "jar", "--env-file", variables, "-e", "B=out", "-e", "HOME=/elsewhere")
    done = pithos("run", *options, rootfs, "--", "env", HERE="yes")
    assert sorted(done.stdout.decode().splitlines()) == [
        *("A=1 2", "B=out", "C=", "HERE=yes", "HOME=/elsewhere", "HOSTNAME=jar"),
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]
    assert lines_of(rootfs, '[ "$HOSTNAME" = "$(hostname)" ] && echo same') == ["same"]
    variables.write_text("A B=1\n")
    done = pithos("run", "--env-file", variables, rootfs, "--", "env")
    assert (done.returncode, done.stderr.count(b"\n")) == (125, 1)
    assert b"line 1: 'A B=1' is not NAME=VALUE" in done.stderr


@needs_qemu
def test_limits_of_resources(rootfs: Path) -> None:
    options = (
        "--ulimit",
        "nofile=77:99",
        "--ulimit",
        "core=-1",
        "--ulimit",
        "stack=1048576",
        "--ulimit",
        "cpu=100:200",
    )
    script = "ulimit -n; ulimit -Hn; ulimit -c; ulimit -s; ulimit -t; ulimit -Ht; ls /proc/self/fd | wc -l"
    assert lines_of(rootfs, script, *options) == ["77", "99", "unlimited", "1024", "100", "200", "4"]
    done = pithos("run", "--ulimit", "nofile=99999999", rootfs, "--", "true")
    assert (done.returncode, done.stderr.count(b"\n")) == (125, 1)
    assert b"--ulimit: Operation not permitted: one of the limits is more than there can be" in done.stderr
    assert pithos("run", "--ulimit", "cpu=1", rootfs, "--", "sh", "-c", "while :; do :; done").returncode == 137


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nofile", "is not a limit such as"),
        ("what=1", "'what' is none of cpu, fsize"),
        ("nofile=2:1", "the soft limit is above the hard one"),
        ("nofile=-1:5", "the soft limit is above the hard one"),
        ("nofile=" + "9" * 30, "more than 64 bits"),
    ],
)
def test_odd_limits(rootfs: Path, text: str, complaint: str) -> None:
    done = pithos("run", "--ulimit", text, rootfs, "--", "true")
    assert (done.returncode, done.stderr.count(b"\n")) == (125, 1)
    assert complaint in done.stderr.decode()


@needs_qemu
def test_an_entry_point_gets_the_command_as_arguments(rootfs: Path) -> None:
    done = pithos("run", "--entrypoint", "echo", rootfs, "--", "a", "b")
    assert (done.returncode, done.stdout) == (0, b"a b\n")
    assert pithos("run", "--entrypoint", "/bin/true", rootfs).returncode == 0


@needs_qemu
def test_init_reaps_and_passes_on(rootfs: Path) -> None:
    assert lines_of(rootfs, "echo $$ $PPID; exit 9", "--init", status=9) == ["2 1"]
    orphans = "(sleep 0.1 & sleep 0.2 &); sleep 0.5; grep -l State:.Z /proc/[0-9]*/status; echo none"
    assert lines_of(rootfs, orphans, "--init") == ["none"]
    assert pithos("run", "--init", rootfs, "--", "sh", "-c", "kill -SEGV $$").returncode == 128 + signal.SIGSEGV
    done = pithos("run", "--init", rootfs, "--", "nosuch")
    assert (done.returncode, done.stderr) == (127, b"pithos: nosuch: No such file or directory\n")
    done = pithos("run", "--init", rootfs, "--", "/etc/passwd")
    assert (done.returncode, done.stderr) == (126, b"pithos: /etc/passwd: Permission denied\n")
    script = "trap 'echo got; exit 5' TERM; echo on; while :; do sleep 0.1; done"
    words = command("run", "--init", rootfs, "--", "sh", "-c", script)
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"on\n"
        process.send_signal(signal.SIGTERM)
        assert (process.stdout.read(), process.wait(TIMEOUT)) == (b"got\n", 5)


# What there is not.


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_docker_s_verbs_are_answered(verb: str) -> None:
    done = pithos(verb, "anything", "--odd")
    assert (done.returncode, done.stderr.decode()) == (125, f"pithos: {verb}: {VERBS[verb]}\n")


def test_docker_s_options_are_answered(rootfs: Path) -> None:
    ours = {name for parameter in run.params for name in parameter.opts}
    assert not ours & OPTIONS.keys(), "what is there is not in the table of what is not"
    for name in ("--publish", "--cap-add", "-d", "--mount"):
        done = pithos("run", name, "x", rootfs, "--", "true")
        assert (done.returncode, done.stderr.decode()) == (125, f"pithos: {name}: {OPTIONS[name]}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--nosuch"), "pithos: No such option '--nosuch'. See pithos run --help\n"),
        (("frob",), "pithos: No such command 'frob'. See pithos --help\n"),
        (("run",), "pithos: Missing argument 'ROOTFS'. See pithos run --help\n"),
        (("run", "ROOTFS"), "pithos: which COMMAND is to be run? See pithos run --help\n"),
        (
            ("run", "--cpus", "0.0001", "ROOTFS", "true"),
            "pithos: Invalid value for '--cpus': '0.0001' is less than 0.001, the smallest share of a processor. "
            "See pithos run --help\n",
        ),
        (
            ("run", "--network", "host", "ROOTFS", "true"),
            "pithos: --network host: there is no network yet, only none\n",
        ),
        (
            ("console", "a", "--qmp", "b"),
            "pithos: give either MACHINE, or --qmp and perhaps --kernel. See pithos console --help\n",
        ),
    ],
)
def test_usage_errors_are_a_line(arguments: tuple[str, ...], message: str) -> None:
    done = pithos(*arguments)
    assert (done.returncode, done.stderr.decode()) == (125, message)


def test_without_a_verb_it_is_the_help() -> None:
    done, asked = pithos(), pithos("--help")
    assert (done.returncode, done.stdout, done.stderr) == (0, asked.stdout, b"")


@needs_qemu
def test_unknown_words_for_the_kernel_are_said(rootfs: Path) -> None:
    done = pithos("run", "--append", "quiet cpus=1 foo=2", rootfs, "--", "true")
    known = "cpus, harness, quiet, standalone, timer_khz, tsc_khz"
    message = f"pithos: --append: the kernel has no option 'foo'; it knows {known}\n"
    assert (done.returncode, done.stderr.decode()) == (0, message)


@needs_qemu
def test_a_read_only_root(rootfs: Path, volume: Path) -> None:
    script = "(echo x > /file) 2>/dev/null || echo refused; echo y > /run/y; echo new > /data/new; exec cat /run/y"
    options = ("--read-only", "--tmpfs", "/run", "-v", f"{volume}:/data")
    assert lines_of(rootfs, script, *options) == ["refused", "y"]
    assert (volume / "new").read_text() == "new\n"
