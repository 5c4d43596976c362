/* `mutants SEED COUNT`: programs, loaders and scripts whose headers were changed at random, each executed once. Prints how
   many ran, were refused, and were ended by a signal; what is odd is only that the kernel goes on. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define HEADERS 6
#define LOADER "/tmp/loader"

static const unsigned char CODE[] = {0xbf, 5, 0, 0, 0, 0xb8, 0xe7, 0, 0, 0, 0x0f, 0x05};
static const uint64_t EDGES[] = {0, 1, 2, 255, 256, PAGE - 1, PAGE, PAGE + 1, 0x10000, 0x400000, 1UL << 30, 1UL << 31, 1UL << 32, 0x555555554000, 1UL << 46,
    0x7FFFE0000000, 0x7FFFF7FF0000, 0x7FFFFFFEF000, 0x7FFFFFFF8000, (1UL << 47) - PAGE, 1UL << 47, 1UL << 62, 1UL << 63, -PAGE, -1UL};
#define EDGE_COUNT (sizeof EDGES / sizeof *EDGES)

struct file {
    Elf64_Ehdr header;
    Elf64_Phdr segments[HEADERS];
    char name[64];
    char code[64];
    char rest[3 * 4096];
};

static uint64_t state;

static uint64_t throw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static uint64_t below(uint64_t limit) { return throw() % limit; }

static Elf64_Phdr load(int flags, uint64_t address, uint64_t offset, uint64_t in_file, uint64_t in_memory)
{
    return (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = flags, .p_vaddr = address, .p_offset = offset, .p_filesz = in_file, .p_memsz = in_memory, .p_align = PAGE};
}

static void make(struct file *file, int type, int has_loader)
{
    uint64_t base = type == ET_DYN ? 0 : 0x400000;
    memset(file, 0, sizeof *file);
    memcpy(file->header.e_ident, "\177ELF\2\1\1", 7);
    file->header.e_type = type;
    file->header.e_machine = EM_X86_64;
    file->header.e_version = 1;
    file->header.e_phoff = offsetof(struct file, segments);
    file->header.e_ehsize = sizeof file->header;
    file->header.e_phentsize = sizeof(Elf64_Phdr);
    file->header.e_phnum = HEADERS;
    file->header.e_entry = base + offsetof(struct file, code);
    memcpy(file->code, CODE, sizeof CODE);
    strcpy(file->name, LOADER);
    file->segments[0] = load(PF_R | PF_X, base, 0, PAGE, PAGE);
    file->segments[1] = load(PF_R, base + PAGE, PAGE, PAGE, PAGE);
    file->segments[2] = load(PF_R | PF_W, base + 3 * PAGE + 0x100, 2 * PAGE + 0x100, 0x200, 0x5000);
    file->segments[3] = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W};
    if (has_loader) file->segments[4] = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = offsetof(struct file, name), .p_filesz = sizeof LOADER};
}

/* Change a field of the header or of a program header: to an edge, so that it meets another at one, or by a bit. */
static void mutate(struct file *file)
{
    uint64_t *words = (uint64_t *)(below(4) == 0 ? (void *)&file->header : (void *)&file->segments[below(HEADERS)]);
    uint64_t *one = words + below(7), *other = words + below(7);
    switch (below(6)) {
    case 0: *one = EDGES[below(EDGE_COUNT)]; break;
    case 1: *one = EDGES[below(EDGE_COUNT)] - *other + below(3) - 1; break;
    case 2: *one += EDGES[below(EDGE_COUNT)]; break;
    case 3: *one ^= 1UL << below(64); break;
    case 4: file->segments[below(HEADERS)] = file->segments[below(HEADERS)]; break;
    case 5: ((uint16_t *)&file->header)[below(sizeof file->header / 2)] = EDGES[below(EDGE_COUNT)]; break;
    }
}

static void write_file(const char *path, const void *content, size_t size)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
    write(fd, content, size);
    close(fd);
}

static void write_script(const char *path)
{
    static const char *const PIECES[] = {"#!", "#!/tmp/loader", " ", "\t", "\n", "/bin/", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "-x", "/tmp/mutant"};
    char text[1024] = "#!";
    size_t length = below(2) ? strlen(strcpy(text, PIECES[1])) : 2;
    for (int i = below(9); i > 0; i--) length += strlen(strcpy(text + length, PIECES[below(9)]));
    if (below(8) == 0) text[below(length)] = 0;
    write_file(path, text, length);
}

int main(int argc, char **argv)
{
    static struct file program, loader;
    long count = atol(argv[2]), ran = 0, refused = 0, ended = 0;
    state = strtoul(argv[1], NULL, 0) * 2654435761 + 88172645463325252;
    for (long i = 0; i < count; i++) {
        int status, has_loader = below(3) == 0;
        make(&program, below(2) ? ET_DYN : ET_EXEC, has_loader);
        make(&loader, ET_DYN, 0);
        for (int n = below(4); n > 0; n--) mutate(&program);
        for (int n = has_loader ? below(4) : 0; n > 0; n--) mutate(&loader);
        write_file(LOADER, &loader, sizeof loader - (below(4) == 0 ? below(sizeof loader) : 0));
        if (below(12) == 0) write_script("/tmp/mutant");
        else write_file("/tmp/mutant", &program, sizeof program - (below(6) == 0 ? below(sizeof program) : 0));
        pid_t child = fork();
        if (child == 0) {
            alarm(1);
            execl("/tmp/mutant", "mutant", "argument", NULL);
            _exit(100);
        }
        waitpid(child, &status, 0);
        if (WIFSIGNALED(status)) ended++;
        else if (WEXITSTATUS(status) == 100) refused++;
        else ran++;
    }
    printf("%ld ran, %ld refused, %ld ended by a signal\n", ran, refused, ended);
    return 0;
}
