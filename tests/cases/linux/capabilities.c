/* The rights of user 0 are capabilities: told and set, lost and kept over changes of user ids and over execve, and what
   counts where something is privileged. */
#include "case.h"
#include <linux/capability.h>
#include <linux/securebits.h>
#include <grp.h>
#include <sys/auxv.h>

#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT 47
#endif
#define ALL_CAPS 0x1ffffffffffUL
#define BIT(capability) (1UL << (capability))

struct sets { unsigned long effective, permitted, inheritable; };

static long get(struct sets *sets)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    long result = RES(syscall(SYS_capget, &head, data));
    sets->effective = data[0].effective | (unsigned long)data[1].effective << 32;
    sets->permitted = data[0].permitted | (unsigned long)data[1].permitted << 32;
    sets->inheritable = data[0].inheritable | (unsigned long)data[1].inheritable << 32;
    return result;
}

static long set(unsigned long effective, unsigned long permitted, unsigned long inheritable)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{effective, permitted, inheritable}, {effective >> 32, permitted >> 32, inheritable >> 32}};
    return RES(syscall(SYS_capset, &head, data));
}

static unsigned long first;

static void versions(void)
{
    struct __user_cap_data_struct data[2] = {{0}};
    struct __user_cap_header_struct head = {0, 0};
    CHECK("no version, no data", RES(syscall(SYS_capget, &head, NULL)), 0);
    CHECK("the newest is told", head.version, _LINUX_CAPABILITY_VERSION_3);
    head.version = 12345;
    CHECK("no version", RES(syscall(SYS_capget, &head, data)), -EINVAL);
    CHECK("the newest is told", head.version, _LINUX_CAPABILITY_VERSION_3);
    head.version = 12345;
    CHECK("set no version", RES(syscall(SYS_capset, &head, data)), -EINVAL);
    unsigned versions[] = {_LINUX_CAPABILITY_VERSION_1, _LINUX_CAPABILITY_VERSION_2, _LINUX_CAPABILITY_VERSION_3};
    for (int i = 0; i < 3; i++) {
        head = (struct __user_cap_header_struct){versions[i], 0};
        memset(data, 0x55, sizeof data);
        CHECK("version", RES(syscall(SYS_capget, &head, data)), 0);
        CHECK("low word", data[0].effective, first & 0xffffffff);
        CHECK("high word", data[1].effective, i ? first >> 32 : 0x55555555);
        if (i) CHECK("set the same", RES(syscall(SYS_capset, &head, data)), 0);
    }
    head = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_3, -1};
    CHECK("negative pid", RES(syscall(SYS_capget, &head, data)), -EINVAL);
    head.pid = 4000000;
    CHECK("no such pid", RES(syscall(SYS_capget, &head, data)), -ESRCH);
    head.pid = getpid();
    CHECK("own pid", RES(syscall(SYS_capget, &head, data)), 0);
    CHECK("set own pid", RES(syscall(SYS_capset, &head, data)), 0);
    head.pid = getppid() ? getppid() : 1;
    CHECK("set of another", RES(syscall(SYS_capset, &head, data)), -EPERM);
    head = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_1, 0};
    CHECK("set by the first version", RES(syscall(SYS_capset, &head, data)), 0);
    struct sets sets;
    get(&sets);
    CHECK("there is no high word", sets.effective, first & 0xffffffff);
    CHECK("bad header", RES(syscall(SYS_capget, NULL, data)), -EFAULT);
    CHECK("bad data", RES(syscall(SYS_capget, &head, (void *)8)), -EFAULT);
}

static void rules(void)
{
    struct sets sets;
    CHECK("less", set(BIT(CAP_CHOWN), BIT(CAP_CHOWN) | BIT(CAP_KILL) | BIT(CAP_SETPCAP), 0), 0);
    CHECK("more", set(BIT(CAP_CHOWN), ALL_CAPS & first, 0), -EPERM);
    CHECK("effective beyond permitted", set(BIT(CAP_FOWNER), BIT(CAP_CHOWN), 0), -EPERM);
    CHECK("inheritable beyond permitted, without CAP_SETPCAP", set(0, BIT(CAP_KILL), BIT(CAP_FOWNER)), -EPERM);
    CHECK("inheritable", set(BIT(CAP_SETPCAP), BIT(CAP_KILL) | BIT(CAP_SETPCAP), BIT(CAP_KILL)), 0);
    CHECK("inheritable of the bounding set, with CAP_SETPCAP", set(0, BIT(CAP_KILL), BIT(CAP_KILL) | BIT(CAP_CHOWN)), 0);
    get(&sets);
    CHECK("effective", sets.effective, 0);
    CHECK("permitted", sets.permitted, BIT(CAP_KILL));
    CHECK("inheritable", sets.inheritable, BIT(CAP_KILL) | BIT(CAP_CHOWN));
    CHECK("nothing counts: setuid", RES(syscall(SYS_setuid, 77)), -EPERM);
    CHECK("user 0 still", geteuid(), 0);
}

static void users(void)
{
    struct sets sets;
    CHECK("to another and back", RES(syscall(SYS_setresuid, -1, 1000, -1)), 0);
    get(&sets);
    CHECK("effective is empty", sets.effective, 0);
    CHECK("permitted is not", sets.permitted, first);
    CHECK("back", RES(syscall(SYS_setresuid, -1, 0, -1)), 0);
    get(&sets);
    CHECK("effective is full", sets.effective, first);
    CHECK("file ids", RES(syscall(SYS_setfsuid, 1000)), 0);
    get(&sets);
    CHECK("those for files are gone", sets.effective, first & ~0x10800021fUL);
    CHECK("told from before", RES(syscall(SYS_setfsuid, 0)), 1000);
    get(&sets);
    CHECK("and back", sets.effective, first);
    CHECK("keep", RES(prctl(PR_SET_KEEPCAPS, 1)), 0);
    CHECK("kept", RES(prctl(PR_GET_KEEPCAPS)), 1);
    int file = syscall(SYS_memfd_create, "x", 0);
    CHECK("for good", RES(syscall(SYS_setresuid, 1000, 1000, 1000)), 0);
    get(&sets);
    CHECK("effective is empty", sets.effective, 0);
    CHECK("permitted is kept", sets.permitted, first);
    CHECK("effective again", set(BIT(CAP_CHOWN), first, 0), 0);
    CHECK("PR_SET_KEEPCAPS 2", RES(prctl(PR_SET_KEEPCAPS, 2)), -EINVAL);
    CHECK("keep no more", RES(prctl(PR_SET_KEEPCAPS, 0)), 0);
    CHECK("chown with CAP_CHOWN", RES(fchown(file, 5, 5)), 0);
    CHECK("without", (set(0, first, 0), RES(fchown(file, 6, 6))), -EPERM);
}

static void lost(void)
{
    struct sets sets;
    CHECK("setuid", RES(syscall(SYS_setuid, 65534)), 0);
    get(&sets);
    CHECK("effective", sets.effective, 0);
    CHECK("permitted", sets.permitted, 0);
    CHECK("back", RES(syscall(SYS_setuid, 0)), -EPERM);
    CHECK("mknod", RES(mknod("node", S_IFCHR | 0600, 0x103)), -EPERM);
    CHECK("chroot", RES(chroot(".")), -EPERM);
    CHECK("setgroups", RES(setgroups(0, NULL)), -EPERM);
    CHECK("sethostname", RES(sethostname("x", 1)), -EPERM);
    CHECK("setpriority", RES(setpriority(PRIO_PROCESS, 0, -5)), -EACCES);
    CHECK("setrlimit", ({ struct rlimit limit; getrlimit(RLIMIT_NOFILE, &limit); limit.rlim_max++; RES(setrlimit(RLIMIT_NOFILE, &limit)); }), -EPERM);
}

static void bounding(void)
{
    struct sets sets;
    CHECK("read", RES(prctl(PR_CAPBSET_READ, CAP_CHOWN)), first & 1);
    CHECK("read the last", RES(prctl(PR_CAPBSET_READ, 40)), first >> 40 & 1);
    CHECK("read none", RES(prctl(PR_CAPBSET_READ, 64)), -EINVAL);
    CHECK("drop", RES(prctl(PR_CAPBSET_DROP, CAP_KILL)), 0);
    CHECK("dropped", RES(prctl(PR_CAPBSET_READ, CAP_KILL)), 0);
    get(&sets);
    CHECK("the effective set has it still", sets.effective, first);
    CHECK("drop none", RES(prctl(PR_CAPBSET_DROP, 64)), -EINVAL);
    CHECK("inherit it", set(first, first, BIT(CAP_KILL)), -EPERM);
    CHECK("without CAP_SETPCAP", (set(0, first, 0), RES(prctl(PR_CAPBSET_DROP, CAP_CHOWN))), -EPERM);
}

static void ambient(void)
{
    struct sets sets;
    CHECK("not inheritable", RES(prctl(PR_CAP_AMBIENT, 2, CAP_KILL, 0, 0)), -EPERM);
    set(first, first, BIT(CAP_KILL));
    CHECK("raise", RES(prctl(PR_CAP_AMBIENT, 2, CAP_KILL, 0, 0)), 0);
    CHECK("is set", RES(prctl(PR_CAP_AMBIENT, 1, CAP_KILL, 0, 0)), 1);
    CHECK("another is not", RES(prctl(PR_CAP_AMBIENT, 1, CAP_CHOWN, 0, 0)), 0);
    CHECK("no capability", RES(prctl(PR_CAP_AMBIENT, 1, 64, 0, 0)), -EINVAL);
    CHECK("no operation", RES(prctl(PR_CAP_AMBIENT, 9, CAP_KILL, 0, 0)), -EINVAL);
    CHECK("more arguments", RES(prctl(PR_CAP_AMBIENT, 1, CAP_KILL, 1, 0)), -EINVAL);
    set(first, first, 0);
    CHECK("goes with the inheritable set", RES(prctl(PR_CAP_AMBIENT, 1, CAP_KILL, 0, 0)), 0);
    set(first, first, BIT(CAP_KILL));
    prctl(PR_CAP_AMBIENT, 2, CAP_KILL, 0, 0);
    CHECK("lower", RES(prctl(PR_CAP_AMBIENT, 3, CAP_KILL, 0, 0)), 0);
    CHECK("lowered", RES(prctl(PR_CAP_AMBIENT, 1, CAP_KILL, 0, 0)), 0);
    prctl(PR_CAP_AMBIENT, 2, CAP_KILL, 0, 0);
    CHECK("clear", RES(prctl(PR_CAP_AMBIENT, 4, 0, 0, 0)), 0);
    CHECK("cleared", RES(prctl(PR_CAP_AMBIENT, 1, CAP_KILL, 0, 0)), 0);
    CHECK("clear with arguments", RES(prctl(PR_CAP_AMBIENT, 4, 1, 0, 0)), -EINVAL);
    prctl(PR_CAP_AMBIENT, 2, CAP_KILL, 0, 0);
    CHECK("securebit", RES(prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE)), 0);
    CHECK("no more raising", RES(prctl(PR_CAP_AMBIENT, 2, CAP_KILL, 0, 0)), -EPERM);
    prctl(PR_SET_KEEPCAPS, 1);
    syscall(SYS_setresuid, 1000, 1000, 1000);
    get(&sets);
    CHECK("another user has none", RES(prctl(PR_CAP_AMBIENT, 1, CAP_KILL, 0, 0)), 0);
    CHECK("although they are permitted", sets.permitted, first);
}

static void secure(void)
{
    CHECK("none", RES(prctl(PR_GET_SECUREBITS)), 0);
    CHECK("unknown", RES(prctl(PR_SET_SECUREBITS, 1 << 20)), -EPERM);
    CHECK("lock", RES(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_SETUID_FIXUP)), 0);
    CHECK("locked", RES(prctl(PR_SET_KEEPCAPS, 1)), -EPERM);
    CHECK("locked", RES(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED | SECBIT_KEEP_CAPS)), -EPERM);
    CHECK("unlock", RES(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)), -EPERM);
    CHECK("told", RES(prctl(PR_GET_SECUREBITS)), SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_SETUID_FIXUP);
    struct sets sets;
    syscall(SYS_setresuid, 1000, 1000, 1000);
    get(&sets);
    CHECK("user ids change nothing", sets.effective, first);
    set(0, first, 0);
    CHECK("without CAP_SETPCAP", RES(prctl(PR_SET_SECUREBITS, 0)), -EPERM);
}

/* What the sets are after execve, as /proc/self/exe with an argument tells them. */
static struct { unsigned long effective, permitted, inheritable, bits, secure; } told;
static void tell(int file)
{
    struct sets sets;
    get(&sets);
    told.effective = sets.effective;
    told.permitted = sets.permitted;
    told.inheritable = sets.inheritable;
    told.bits = prctl(PR_GET_SECUREBITS);
    told.secure = getauxval(23);
    write(file, &told, sizeof told);
}
static void after_exec(void (*before)(void))
{
    int ends[2];
    char number[16];
    pipe(ends);
    sprintf(number, "%d", ends[1]);
    pid_t child = fork();
    if (child == 0) { before(); execl("/proc/self/exe", "case", "tell", number, NULL); _exit(1); }
    close(ends[1]);
    memset(&told, 0, sizeof told);
    CHECK("told", read(ends[0], &told, sizeof told), sizeof told);
    close(ends[0]);
    waitpid(child, NULL, 0);
}
static void as_root(void) { set(0, 0, BIT(CAP_CHOWN)); }
static void dropped(void) { prctl(PR_CAPBSET_DROP, CAP_KILL); }
static void another(void) { prctl(PR_SET_KEEPCAPS, 1); syscall(SYS_setresuid, 1000, 1000, 1000); set(first, first, BIT(CAP_KILL)); }
static void with_ambient(void) { another(); prctl(PR_CAP_AMBIENT, 2, CAP_KILL, 0, 0); }
static void effective_only(void) { syscall(SYS_setresuid, 1000, 0, 0); }
static void real_only(void) { syscall(SYS_setresuid, 0, 1000, 0); }
static void no_root(void) { prctl(PR_SET_SECUREBITS, SECBIT_NOROOT); }

static void programs(void)
{
    after_exec(as_root);
    CHECK("user 0 gets all again", told.permitted, first);
    CHECK("effective", told.effective, first);
    CHECK("inheritable stays", told.inheritable, BIT(CAP_CHOWN));
    after_exec(dropped);
    CHECK("but what the bounding set lacks", told.effective, first & ~BIT(CAP_KILL));
    after_exec(another);
    CHECK("another user gets none", told.permitted | told.effective, 0);
    CHECK("inheritable stays", told.inheritable, BIT(CAP_KILL));
    CHECK("keeping ends", told.bits, 0);
    after_exec(with_ambient);
    CHECK("but the ambient ones", told.permitted, BIT(CAP_KILL));
    CHECK("effective", told.effective, BIT(CAP_KILL));
    after_exec(effective_only);
    CHECK("effective user 0 gets all", told.effective, first);
    CHECK("AT_SECURE", told.secure, 1);
    after_exec(real_only);
    CHECK("real user 0 is permitted all", told.permitted, first);
    CHECK("and has none in effect", told.effective, 0);
    after_exec(no_root);
    CHECK("SECBIT_NOROOT: none", told.permitted, 0);
    CHECK("AT_SECURE", told.secure, 0);
}

int main(int count, char **arguments)
{
    struct sets sets;
    if (count > 2) { tell(atoi(arguments[2])); return 0; }
    chmod("/", 0755);
    mkdir("open", 0777);
    chmod("open", 0777);
    chdir("open");
    CHECK("capget", get(&sets), 0);
    first = sets.effective;
    CHECK("user 0 has some", first != 0, 1);
    CHECK("all that are permitted", first, sets.permitted);
    CHECK("PR_GET_SECCOMP", RES(prctl(PR_GET_SECCOMP)) <= 0, 1);
    IN_CHILD(versions());
    IN_CHILD(rules());
    IN_CHILD(users());
    IN_CHILD(lost());
    IN_CHILD(bounding());
    IN_CHILD(ambient());
    IN_CHILD(secure());
    programs();
    DONE();
}
