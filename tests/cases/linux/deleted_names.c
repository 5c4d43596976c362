/* What /proc shows of open files, directories and mappings that have lost their name. */
#include "case.h"
#include <sys/sendfile.h>

static char folder[] = "/tmp/deletedXXXXXX";
static char shown[4096];
static const char *target(const char *format, int number)
{
    char link[64];
    sprintf(link, format, number);
    ssize_t length = readlink(link, shown, sizeof shown - 1);
    shown[length < 0 ? 0 : length] = 0;
    return shown;
}
static int is(const char *format, int number, const char *name)
{
    char right[4096];
    sprintf(right, "%s%s", folder, name);
    int same = strcmp(target(format, number), right) == 0;
    if (!same) printf("    %s is not %s\n", shown, right);
    return same;
}

int main(void)
{
    char text[300];
    mkdtemp(folder);
    chdir(folder);
    int file = open("some name", O_CREAT | O_RDWR, 0600);
    CHECK("with its name", is("/proc/self/fd/%d", file, "/some name"), 1);
    unlink("some name");
    CHECK("without", is("/proc/self/fd/%d", file, "/some name (deleted)"), 1);
    int other = open("some name", O_CREAT | O_RDWR, 0600);
    CHECK("another of that name", is("/proc/self/fd/%d", other, "/some name"), 1);
    CHECK("does not change it", is("/proc/self/fd/%d", file, "/some name (deleted)"), 1);
    link("some name", "second");
    unlink("some name");
    unlink("second");
    CHECK("the last of two", is("/proc/self/fd/%d", other, "/second (deleted)") || is("/proc/self/fd/%d", other, "/some name (deleted)"), 1);
    int replaced = open("replaced", O_CREAT | O_RDWR, 0600);
    close(open("new", O_CREAT | O_RDWR, 0600));
    rename("new", "replaced");
    CHECK("replaced", is("/proc/self/fd/%d", replaced, "/replaced (deleted)"), 1);
    mkdir("below", 0700);
    int inside = open("below/file", O_CREAT | O_RDWR, 0600);
    unlink("below/file");
    rename("below", "moved");
    CHECK("in a directory that was moved", is("/proc/self/fd/%d", inside, "/moved/file (deleted)"), 1);
    int directory = open("moved", O_RDONLY);
    rmdir("moved");
    CHECK("a directory", is("/proc/self/fd/%d", directory, "/moved (deleted)"), 1);
    mkdir("here", 0700);
    chdir("here");
    rmdir("../here");
    CHECK("the working directory", is("/proc/self/cwd", 0, "/here (deleted)"), 1);
    CHECK("has no path", RES(syscall(SYS_getcwd, text, sizeof text)), -ENOENT);
    chdir(folder);
    int nameless = open(".", O_TMPFILE | O_RDWR, 0600);
    struct stat about;
    fstat(nameless, &about);
    sprintf(text, "/#%lu (deleted)", (unsigned long)about.st_ino);
    CHECK("O_TMPFILE", is("/proc/self/fd/%d", nameless, text), 1);
    ftruncate(file, 4096);
    char *mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
    char line[512], *found = NULL;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (found == NULL && fgets(line, sizeof line, maps)) if (strtoul(line, NULL, 16) == (unsigned long)mapped) found = line;
    CHECK("a mapping", found != NULL && strstr(found, "/some name (deleted)\n") != NULL, 1);
    IN_CHILD({
        sprintf(text, "cp /proc/self/exe copy");
        int from = open("/proc/self/exe", O_RDONLY);
        int to = open("copy", O_CREAT | O_WRONLY, 0700);
        while (sendfile(to, from, NULL, 1 << 20) > 0);
        close(to);
        execl("./copy", "copy", "exe", folder, NULL);
    });
    rmdir(folder);
    DONE();
}
__attribute__((constructor)) static void as_copy(int count, char **words)
{
    if (count < 3) return;
    unlink("copy");
    sprintf(folder, "%s", words[2]);
    CHECK("a program", is("/proc/self/exe", 0, "/copy (deleted)"), 1);
    _exit(bad != 0);
}
