/* The first line of a script counts for 256 bytes: a name that does not end there is none; blanks, options, what is missing. */
#include "case.h"

#define NAME "a-script"

static char line[600];

/* The exit status of the script that begins with `line`, or minus the error of execve(2). */
static long run(size_t length)
{
    int state, fd = open(NAME, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    write(fd, line, length);
    close(fd);
    pid_t child = fork();
    if (child == 0) {
        execl("./" NAME, NAME, NULL);
        _exit(100 + errno);
    }
    waitpid(child, &state, 0);
    return WEXITSTATUS(state) > 100 ? 100 - WEXITSTATUS(state) : WEXITSTATUS(state);
}

static long run_text(const char *text)
{
    strcpy(line, text);
    return run(strlen(text));
}

/* A script whose interpreter's name, from its slash on, has so many bytes; behind it stands `end`. */
static long run_long(size_t name, const char *end)
{
    memset(line, 'a', sizeof line);
    memcpy(line, "#!/", 3);
    strcpy(line + 2 + name, end);
    return run(2 + name + strlen(end));
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "option") == 0) return 7;
    if (argc > 1) return 40 + argc;
    CHECK("an interpreter that is not there", run_text("#!/no/such\n"), -ENOENT);
    CHECK("without a new line", run_text("#!/no/such"), -ENOENT);
    CHECK("no interpreter", run_text("#!\n"), -ENOEXEC);
    CHECK("blanks only", run_text("#! \t \n"), -ENOEXEC);
    CHECK("nothing at all: the working directory", run_text("#!"), -EACCES);
    CHECK("blanks and no line's end", run_text("#!  "), -EACCES);
    CHECK("a name of 298 bytes", run_long(298, ""), -ENOEXEC);
    CHECK("a name of 298 bytes and a line's end", run_long(298, "\n"), -ENOEXEC);
    CHECK("a name up to the last byte", run_long(254, ""), -ENOEXEC);
    CHECK("a name one shorter", run_long(253, ""), -ENOENT);
    CHECK("a name that ends in a blank", run_long(252, " b") < 0, 1);
    CHECK("a name that ends in a line", run_long(200, "\n"), -ENOENT);
    memset(line, ' ', sizeof line);
    memcpy(line, "#!", 2);
    CHECK("300 blanks", run(300), -ENOEXEC);
    sprintf(line, "#! %s \t option \t\n", realpath("/proc/self/exe", NULL));
    if (strlen(line) < 250) {
        CHECK("an option between blanks", run(strlen(line)), 7);
        sprintf(line, "#!%s\n", realpath("/proc/self/exe", NULL));
        CHECK("no option: the script itself", run(strlen(line)), 42);
    }
    CHECK("a script that is its own interpreter", run_text("#!./" NAME "\n"), -ELOOP);
    DONE();
}
