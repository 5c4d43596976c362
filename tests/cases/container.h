/* The container calls (docs/containers.md) from C. */
#include "case.h"
struct container_config { uint64_t size; uint32_t version, flags; uint64_t name, name_length, root, root_length, hostname, hostname_length, pages, processes, weight, cpu; };
struct fd_pair { int32_t source, target; };
struct run_spec { uint64_t size; uint32_t version, flags; uint64_t path, path_length, argv, argc, envp, envc, directory, directory_length; uint32_t user, group; uint64_t pairs, pair_count; };

__attribute__((unused)) static int create_container(const char *root, uint64_t pages, uint64_t processes)
{
    struct container_config config = {.size = sizeof config, .version = 1, .root = (uint64_t)root, .root_length = strlen(root), .pages = pages, .processes = processes};
    return syscall(1000, &config, sizeof config);
}
__attribute__((unused)) static int run_in_container(int container, char *const *argv, struct fd_pair *pairs, int pair_count)
{
    struct run_spec spec = {.size = sizeof spec, .version = 1, .path = (uint64_t)argv[0], .path_length = strlen(argv[0]), .argv = (uint64_t)argv, .pairs = (uint64_t)pairs, .pair_count = pair_count};
    while (argv[spec.argc]) spec.argc++;
    return syscall(1001, container, &spec, sizeof spec);
}
#define destroy_container(container) syscall(1002, container)
#define control_container(container, operation, argument) syscall(1003, container, operation, argument)
#define update_container(container, pages, processes, weight, cpu) syscall(1005, container, pages, processes, weight, cpu)
/* The exit status, or 1000 and the signal, of what a pidfd stands for. */
__attribute__((unused)) static int await(int pidfd)
{
    siginfo_t info = {0};
    if (waitid(P_PIDFD, pidfd, &info, WEXITED)) return -errno;
    return info.si_code == CLD_EXITED ? info.si_status : 1000 + info.si_status;
}
