/* The files of /proc about the machine: each is there, in the form that programs parse. */
#include "case.h"
#include <sys/utsname.h>

static char text[1 << 18];

static long take(const char *path)
{
    int file = open(path, O_RDONLY);
    if (file < 0) return text[0] = 0, -errno;
    long length = 0, got;
    while ((got = read(file, text + length, sizeof text - 1 - length)) > 0) length += got;
    text[length] = 0;
    close(file);
    return got < 0 ? -errno : length;
}

/* The number behind a name that starts a line; -1 without one. */
static long after(const char *name)
{
    char *line = text;
    size_t length = strlen(name);
    while (line != NULL && strncmp(line, name, length) != 0) {
        line = strchr(line, '\n');
        if (line != NULL) line++;
    }
    return line == NULL ? -1 : atol(line + length);
}

static void files(void)
{
    static const char *const SOME[] = {"/proc/buddyinfo", "/proc/cmdline", "/proc/cpuinfo", "/proc/devices", "/proc/filesystems", "/proc/interrupts", "/proc/loadavg", "/proc/meminfo", "/proc/softirqs", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/version", "/proc/vmstat", "/proc/zoneinfo", "/proc/tty/ldiscs"};
    static const char *const PERHAPS_EMPTY[] = {"/proc/consoles", "/proc/diskstats", "/proc/misc", "/proc/partitions", "/proc/cgroups"};
    for (unsigned i = 0; i < sizeof SOME / sizeof *SOME; i++) CHECK(SOME[i], take(SOME[i]) > 0, 1);
    for (unsigned i = 0; i < sizeof PERHAPS_EMPTY / sizeof *PERHAPS_EMPTY; i++) CHECK(PERHAPS_EMPTY[i], take(PERHAPS_EMPTY[i]) >= 0, 1);
    struct stat about;
    CHECK("slabinfo", RES(stat("/proc/slabinfo", &about)), 0);
    CHECK("is for the superuser", about.st_mode, S_IFREG | 0400);
}

static void version(void)
{
    struct utsname names;
    char right[512];
    uname(&names);
    snprintf(right, sizeof right, "%s version %s (", names.sysname, names.release);
    take("/proc/version");
    CHECK("version as uname says", strncmp(text, right, strlen(right)), 0);
    CHECK("its end", strstr(text, names.version) != NULL, 1);
}

static void memory(void)
{
    take("/proc/meminfo");
    long total = after("MemTotal:"), free_now = after("MemFree:"), available = after("MemAvailable:");
    CHECK("some memory", total > 0, 1);
    CHECK("not all free", free_now > 0 && free_now < total, 1);
    CHECK("available", available > 0 && available <= total, 1);
    static const char *const NAMES[] = {"Buffers:", "Cached:", "SwapCached:", "Active:", "Inactive:", "SwapTotal:", "SwapFree:", "Dirty:", "AnonPages:", "Mapped:", "Shmem:", "Slab:", "CommitLimit:", "Committed_AS:", "VmallocTotal:", "HugePages_Total:", "HugePages_Free:", "Hugepagesize:"};
    for (unsigned i = 0; i < sizeof NAMES / sizeof *NAMES; i++) CHECK(NAMES[i], after(NAMES[i]) >= 0, 1);
    CHECK("in columns", strncmp(text, "MemTotal:       ", 16), 0);
    take("/proc/vmstat");
    long faults = after("pgfault ");
    char *area = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (long i = 0; i < 1 << 20; i += 4096) area[i] = 1;
    take("/proc/vmstat");
    CHECK("faults are counted", after("pgfault ") > faults && faults > 0, 1);
    CHECK("free pages", after("nr_free_pages ") > 0, 1);
}

static int has_word(const char *line, const char *word)
{
    size_t length = strlen(word);
    const char *end = strchr(line, '\n'), *found = line;
    while ((found = strstr(found, word)) != NULL && found < end) {
        if (found[-1] == ' ' && (found[length] == ' ' || found[length] == '\n')) return 1;
        found++;
    }
    return 0;
}

static void processors(void)
{
    take("/proc/cpuinfo");
    static const char *const LINES[] = {"processor\t: ", "vendor_id\t: ", "cpu family\t: ", "model\t\t: ", "model name\t: ", "stepping\t: ", "cpu MHz\t\t: ", "flags\t\t: ", "bogomips\t: ", "address sizes\t: "};
    for (unsigned i = 0; i < sizeof LINES / sizeof *LINES; i++) CHECK(LINES[i], after(LINES[i]) >= 0, 1);
    char *line = strstr(text, "\nflags\t\t:") + 1;
    static const char *const ALWAYS[] = {"fpu", "tsc", "cx8", "cmov", "fxsr", "sse", "sse2", "syscall", "nx", "lm"};
    for (unsigned i = 0; i < sizeof ALWAYS / sizeof *ALWAYS; i++) CHECK(ALWAYS[i], has_word(line, ALWAYS[i]), 1);
    CHECK("avx as the compiler's run time sees it", has_word(line, "avx"), __builtin_cpu_supports("avx") != 0);
    CHECK("avx2", has_word(line, "avx2"), __builtin_cpu_supports("avx2") != 0);
    CHECK("popcnt", has_word(line, "popcnt"), __builtin_cpu_supports("popcnt") != 0);
    CHECK("ssse3", has_word(line, "ssse3"), __builtin_cpu_supports("ssse3") != 0);
    CHECK("sse4_2", has_word(line, "sse4_2"), __builtin_cpu_supports("sse4.2") != 0);
    long count = 0;
    for (char *at = text; (at = strstr(at, "processor\t:")) != NULL; at++) count++;
    CHECK("as many as sysconf says", count, sysconf(_SC_NPROCESSORS_ONLN));
}

static void statistics(void)
{
    take("/proc/stat");
    long switches = after("ctxt "), interrupts = after("intr ");
    CHECK("switches", switches > 0, 1);
    CHECK("interrupts", interrupts > 0, 1);
    CHECK("softirq", after("softirq ") >= 0, 1);
    for (int i = 0; i < 20; i++) usleep(1000);
    take("/proc/stat");
    CHECK("more switches", after("ctxt ") >= switches + 20, 1);
    CHECK("more interrupts", after("intr ") > interrupts, 1);
    take("/proc/interrupts");
    CHECK("head", strncmp(text, "           CPU0", 15), 0);
    CHECK("timer", strstr(text, "\nLOC:") != NULL, 1);
    take("/proc/softirqs");
    CHECK("head", strncmp(text, "                    CPU0", 24), 0);
    CHECK("swaps", take("/proc/swaps") > 0 && strncmp(text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n", 36) == 0, 1);
}

int main(void)
{
    files();
    version();
    memory();
    processors();
    statistics();
    DONE();
}
