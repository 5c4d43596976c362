/* ELF files whose numbers are odd, one and two at a time: a program that runs, an error, or a signal, and never more.
   What is only unusual runs as on Linux. */
#include "case.h"
#include <elf.h>

#define PAGE 4096UL
#define BASE 0x400000UL
#define STATUS 5
#define NAME "odd-program"

/* exit_group(5), wherever it is. */
static const unsigned char CODE[] = {0xbf, STATUS, 0, 0, 0, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05};

static struct {
    Elf64_Ehdr header;
    Elf64_Phdr segments[300];
    char room[4096];
} file;

static const uint64_t ODD[] = {0, 1, PAGE - 1, PAGE, 0x10000, 1UL << 30, 1UL << 46, (1UL << 47) - PAGE, 1UL << 47, 1UL << 63, -PAGE, -1UL};
#define ODD_COUNT (sizeof ODD / sizeof *ODD)

static void begin(int type, uint64_t address)
{
    memset(&file, 0, sizeof file);
    Elf64_Ehdr *header = &file.header;
    memcpy(header->e_ident, "\177ELF\2\1\1", 7);
    header->e_type = type;
    header->e_machine = EM_X86_64;
    header->e_version = 1;
    header->e_phoff = offsetof(__typeof__(file), segments);
    header->e_ehsize = sizeof *header;
    header->e_phentsize = sizeof(Elf64_Phdr);
    header->e_phnum = 1;
    header->e_entry = address + offsetof(__typeof__(file), room);
    memcpy(file.room, CODE, sizeof CODE);
    file.segments[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = address, .p_filesz = sizeof file, .p_memsz = sizeof file, .p_align = PAGE};
}

/* The exit status, 1000 and the signal that ended it, or minus the error of execve(2). */
static long run(void)
{
    int state, fd = open(NAME, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    write(fd, &file, sizeof file);
    close(fd);
    pid_t child = vfork();
    if (child == 0) {
        execl(NAME, NAME, NULL);
        _exit(100 + errno);
    }
    waitpid(child, &state, 0);
    if (WIFSIGNALED(state)) return 1000 + WTERMSIG(state);
    return WEXITSTATUS(state) > 100 ? 100 - WEXITSTATUS(state) : WEXITSTATUS(state);
}

static void check_unusual(void)
{
    begin(ET_EXEC, BASE);
    CHECK("as it should be", run(), STATUS);
    begin(ET_DYN, 0);
    CHECK("position-independent", run(), STATUS);
    begin(ET_DYN, 0x700000000000);
    CHECK("position-independent, at a high address", run(), STATUS);
    begin(ET_EXEC, 0x600000000000);
    CHECK("at a high address", run(), STATUS);
    begin(ET_EXEC, BASE);
    file.header.e_phnum = 300;
    CHECK("with 300 headers", run(), STATUS);
    begin(ET_EXEC, BASE);
    file.header.e_phnum = 3;
    file.segments[1] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = BASE + (sizeof file | (PAGE - 1)) + 1, .p_memsz = 1UL << 30, .p_align = PAGE};
    file.segments[2] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = 0x60000100, .p_offset = 0x100, .p_filesz = 0x20, .p_memsz = 0x2000, .p_align = PAGE};
    CHECK("with a GiB of zeros", run(), STATUS);
    begin(ET_EXEC, BASE);
    file.header.e_phnum = 2;
    file.segments[1] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = BASE + sizeof file, .p_offset = sizeof file % PAGE, .p_filesz = 8, .p_memsz = 8, .p_align = PAGE};
    file.segments[0].p_offset = 0;
    CHECK("with two segments in one page", run() == STATUS || sizeof file % PAGE == 0, 1);
}

static long with_interpreter(const char *name, size_t size)
{
    begin(ET_EXEC, BASE);
    file.header.e_phnum = 2;
    strcpy(file.room + 100, name);
    file.segments[1] = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = offsetof(__typeof__(file), room) + 100, .p_filesz = size};
    return run();
}

static void check_refused(void)
{
    CHECK("an interpreter that is not there", with_interpreter("/no/such", 9), -ENOENT);
    CHECK("a directory as interpreter", with_interpreter("/", 2), -EACCES);
    CHECK("an interpreter's name without an end", with_interpreter("/no/such", 8), -ENOEXEC);
    CHECK("an empty name", with_interpreter("", 1), -ENOEXEC);
    CHECK("a name of 5,000 bytes", with_interpreter("/", 5000), -ENOEXEC);
    int fd = open("text", O_CREAT | O_WRONLY | O_TRUNC, 0755);
    write(fd, "no program\n", 11);
    close(fd);
    CHECK("text as interpreter", with_interpreter("text", 5) == -ELIBBAD || with_interpreter("text", 5) == -EIO, 1);
    begin(ET_EXEC, BASE);
    file.header.e_phentsize = 55;
    CHECK("headers of another size", run(), -ENOEXEC);
    begin(ET_EXEC, BASE);
    file.header.e_phnum = 0;
    CHECK("no headers", run(), -ENOEXEC);
    begin(ET_EXEC, BASE);
    file.header.e_phnum = 0xFFFF;
    CHECK("too many headers", run(), -ENOEXEC);
    begin(ET_EXEC, BASE);
    file.header.e_phoff = sizeof file;
    CHECK("headers behind the end", run(), -ENOEXEC);
    begin(ET_EXEC, BASE);
    file.header.e_phoff = -64UL;
    CHECK("headers at the end of numbers", run(), -ENOEXEC);
}

static uint64_t *field(int number)
{
    Elf64_Phdr *first = &file.segments[0];
    uint64_t *fields[] = {&file.header.e_entry, &file.header.e_phoff, &first->p_offset, &first->p_vaddr, &first->p_filesz, &first->p_memsz, &first->p_align};
    return fields[number];
}

static void check_pairs(void)
{
    long runs = 0;
    for (int type = ET_EXEC; type <= ET_DYN; type++)
        for (int one = 0; one < 7; one++)
            for (int other = one; other < 7; other++)
                for (int i = 0; i < ODD_COUNT; i++)
                    for (int j = 0; j < ODD_COUNT; j++) {
                        if ((i * 7 + j * 5 + one * 3 + other) % 4 != 0) continue;
                        begin(type, type == ET_DYN ? 0 : BASE);
                        *field(one) = ODD[i];
                        *field(other) += ODD[j];
                        run();
                        runs++;
                    }
    CHECK("programs that were tried", runs, 2016);
}

int main(void)
{
    check_unusual();
    check_refused();
    check_pairs();
    DONE();
}
