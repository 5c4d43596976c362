/* A container is destroyed while another thread destroys one inside of it (docs/containers.md). */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CREATE = 1000, RUN, DESTROY, CONTROL, QUERY, UPDATE, OPEN, DYING = 4, CROWD = 20, ROUNDS = 8 };

struct config {
    uint64_t size;
    uint32_t version, flags;
    uint64_t name, name_length, root, root_length, hostname, hostname_length, pages, processes, weight, cpu;
};
struct spec {
    uint64_t size;
    uint32_t version, flags;
    uint64_t path, path_length, argv, argv_count, envp, envp_count, cwd, cwd_length;
    uint32_t uid, gid;
    uint64_t fds, fds_count;
};
struct state {
    uint64_t id;
    uint32_t stage, reserved;
    uint64_t processes, rest[16];
};

static const char program[] = "/bin/nested";

static int create(void) {
    struct config config = {sizeof config, 1};
    config.root = (uint64_t)"/";
    config.root_length = 1;
    return syscall(CREATE, &config, sizeof config);
}

static int run(int container, const char *role) {
    const char *argv[] = {program, role};
    struct spec spec = {sizeof spec, 1};
    spec.path = (uint64_t)program;
    spec.path_length = strlen(program);
    spec.argv = (uint64_t)argv;
    spec.argv_count = 2;
    return syscall(RUN, container, &spec, sizeof spec);
}

static struct state query(int container) {
    struct state state = {0};
    syscall(QUERY, container, &state, sizeof state);
    return state;
}

static void *destroy(void *inner) {
    return (void *)syscall(DESTROY, *(int *)inner);
}

static int play(void) {
    int outer = create(), inner = -1;
    run(outer, "outer");
    for (uint64_t id = query(outer).id + 1; inner < 0; usleep(1000))
        inner = syscall(OPEN, id);
    while (query(inner).processes < CROWD + 1)
        usleep(1000);
    pthread_t other;
    void *result;
    pthread_create(&other, 0, destroy, &inner);
    while (query(inner).stage != DYING && query(inner).stage != 0)
        ;
    int answer = syscall(DESTROY, outer);
    pthread_join(other, &result);
    int good = answer == 0 && result == 0 && query(outer).stage == 0 && query(inner).stage == 0;
    close(outer);
    close(inner);
    return good;
}

int main(int argc, char **argv) {
    int rounds = 0;
    if (argc == 2 && !strcmp(argv[1], "outer"))
        run(create(), "crowd");
    else if (argc == 2)
        for (int i = 0; i < CROWD && fork(); i++)
            ;
    else {
        for (; rounds < ROUNDS && play(); rounds++)
            ;
        printf("%d rounds\n", rounds);
        return 0;
    }
    pause();
    return 0;
}
