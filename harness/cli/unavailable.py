"""Docker's verbs and options that there are not here, each with what to do instead."""

from __future__ import annotations

NO_NETWORK = "there is no network yet"
NO_IMAGES = "images are not stored: pithos run takes a directory or a tar file"
ONE_MACHINE = "a container lives as long as its pithos run"
ALL_APART = "every container has its own, and shares none"
CAPABILITIES = "root in a container has all capabilities there and none outside; they cannot be chosen yet"
NO_DEVICES = "containers have the kernel's own devices only, and none of the host"

VERBS = {
    "attach": "pithos run stays attached; pithos console looks into a machine that runs",
    "commit": f"{NO_IMAGES}; what a program writes can be kept by -v HOST:GUEST",
    "container": "pithos run makes a container, pithos console MACHINE -c containers lists those of a machine",
    "cp": "use pithos run -v HOST:GUEST, which copies in before and out afterwards",
    "create": f"{ONE_MACHINE}: use pithos run",
    "exec": f"{ONE_MACHINE}, and nothing can be run beside its program yet: let a shell run both",
    "export": "ROOTFS is yours already; what a program writes can be kept by -v HOST:GUEST",
    "history": NO_IMAGES,
    "image": NO_IMAGES,
    "images": NO_IMAGES,
    "import": NO_IMAGES,
    "info": "pithos --version, and pithos console MACHINE",
    "inspect": "use pithos console MACHINE -c containers",
    "kill": "signals to pithos run reach the program: use kill(1)",
    "load": NO_IMAGES,
    "login": NO_IMAGES,
    "logs": "the output of a program is that of pithos run",
    "network": NO_NETWORK,
    "pause": "use pithos console MACHINE -c stop, and cont to go on",
    "port": NO_NETWORK,
    "ps": "use pithos console MACHINE -c ps; pithos console alone names the machines",
    "pull": f"{NO_IMAGES}; docker export, or another tool, makes one of an image",
    "push": NO_IMAGES,
    "restart": f"{ONE_MACHINE}: use pithos run again",
    "rm": "containers are always removed when their program ends",
    "rmi": NO_IMAGES,
    "save": NO_IMAGES,
    "search": NO_IMAGES,
    "start": f"{ONE_MACHINE}: use pithos run",
    "stats": "use pithos console MACHINE -c containers",
    "stop": "signals to pithos run reach the program: use kill(1); after SIGTERM it has 10 seconds",
    "system": "pithos console MACHINE looks into one that runs",
    "tag": NO_IMAGES,
    "top": "use pithos console MACHINE -c ps",
    "unpause": "use pithos console MACHINE -c cont",
    "update": "limits are given to pithos run",
    "version": "use pithos --version",
    "volume": "use pithos run -v HOST:GUEST",
    "wait": "pithos run ends with the program's status",
}

OPTIONS = {
    **dict.fromkeys(
        ("--add-host", "--dns", "--dns-option", "--dns-search", "--expose", "--ip", "--ip6", "--link", "--mac-address"),
        NO_NETWORK,
    ),
    **dict.fromkeys(("--network-alias", "--net-alias", "-p", "--publish", "-P", "--publish-all"), NO_NETWORK),
    **dict.fromkeys(("--cgroupns", "--ipc", "--pid", "--userns", "--uts"), ALL_APART),
    **dict.fromkeys(("--cap-add", "--cap-drop", "--privileged", "--security-opt"), CAPABILITIES),
    **dict.fromkeys(("--device", "--device-cgroup-rule", "--gpus"), NO_DEVICES),
    **dict.fromkeys(("--platform", "--pull", "--disable-content-trust", "-q", "--quiet"), NO_IMAGES),
    **dict.fromkeys(("-l", "--label", "--label-file", "--annotation"), "labels are not kept: leave it out"),
    **dict.fromkeys(("--log-driver", "--log-opt"), "the program's output is ours: redirect it"),
    **dict.fromkeys(("--memory-swap", "--memory-swappiness"), "there is no swap: leave it out"),
    **dict.fromkeys(("--memory-reservation", "--kernel-memory"), "use --memory, which is the limit for all memory"),
    **dict.fromkeys(("--cpu-period", "--cpu-quota"), "use --cpus"),
    **dict.fromkeys(("--cpuset-cpus", "--cpuset-mems"), "use --smp for the number of processors"),
    **dict.fromkeys(("-d", "--detach", "--detach-keys"), "use & of the shell, and pithos console to look into it"),
    **dict.fromkeys(("-a", "--attach"), "all three standard files are passed: redirect what is not wanted"),
    **dict.fromkeys(
        ("--health-cmd", "--health-interval", "--health-retries", "--health-timeout", "--no-healthcheck"),
        "health is not checked",
    ),
    **dict.fromkeys(("--blkio-weight", "--device-read-bps", "--device-write-bps"), "there are no block devices"),
    "--cidfile": "use --name",
    "--cgroup-parent": "containers are not in the host's control groups: use --memory, --cpus, --pids-limit",
    "--isolation": "every container is apart by the kernel itself: leave it out",
    "--mount": "use -v HOST:GUEST[:ro]",
    "--oom-kill-disable": "the largest process of a container that is at its limit ends: raise --memory",
    "--oom-score-adj": "write it to /proc/self/oom_score_adj inside",
    "--restart": "use a loop of the shell",
    "--runtime": "the kernel is the runtime: leave it out",
    "--shm-size": "/dev/shm has no limit of its own: use --memory",
    "--sig-proxy": "signals are always passed on",
    "--stop-signal": "send the program's signal to pithos run",
    "--stop-timeout": "the program has 10 seconds after SIGTERM",
    "--storage-opt": "files live in memory: use --memory",
    "--sysctl": "write to /proc/sys inside",
    "--volume-driver": "use -v HOST:GUEST[:ro]",
    "--volumes-from": "use -v HOST:GUEST[:ro]",
}
