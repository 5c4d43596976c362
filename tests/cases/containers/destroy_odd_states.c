/* A container is destroyed at once whatever state it is in: those that are to end are not held back by its processor
   limit, its being frozen or stopped, nor by those of a container around it. */
#include "container.h"

enum { ALL_STATES = 7 };
static char *const busy[] = {"/bin/busybox", "sh", "-c", "while :; do busybox true; done", NULL};

/* Bring a container with two busy shells into a state. */
static void prepare(int state, int container)
{
    switch (state) {
    case 0: control_container(container, 1, 0); break;                                      /* frozen */
    case 1: control_container(container, 1, 0); control_container(container, 3, 0); break;  /* and killed */
    case 2: control_container(container, 4, SIGSTOP); break;                                /* stopped */
    case 3: update_container(container, 0, 0, 1, 1); usleep(200000); break;                 /* 1/1000 of a processor */
    case 4: update_container(container, 0, 0, 1, 1); control_container(container, 1, 0); usleep(100000); break;
    case 5: update_container(container, 0, 0, 1, 1); usleep(100000); control_container(container, 3, 0); break;
    case 6: control_container(container, 1, 0); control_container(container, 2, 0); break;  /* thawed */
    }
}

int main(void)
{
    for (int state = 0; state < ALL_STATES; state++) {
        int container = create_container("/", 600, 30);
        int first = run_in_container(container, busy, NULL, 0);
        int second = run_in_container(container, busy, NULL, 0);
        usleep(20000);
        prepare(state, container);
        long begin = milliseconds();
        printf("state %d\n", state);
        CHECK("destroyed", RES(destroy_container(container)), 0);
        CHECK("at once", milliseconds() - begin < 700, 1);
        CHECK("first", await(first), 1000 + SIGKILL);
        CHECK("second", await(second), 1000 + SIGKILL);
        close(first);
        close(second);
        close(container);
    }
    /* One process among those of a throttled container: it ends before the others have their turn. */
    int container = create_container("/", 600, 30);
    int first = run_in_container(container, busy, NULL, 0);
    int second = run_in_container(container, busy, NULL, 0);
    usleep(20000);
    update_container(container, 0, 0, 1, 1);
    usleep(200000);
    long begin = milliseconds();
    CHECK("kill", RES(syscall(SYS_pidfd_send_signal, first, SIGKILL, NULL, 0)), 0);
    CHECK("killed", await(first), 1000 + SIGKILL);
    CHECK("soon", milliseconds() - begin < 700, 1);
    destroy_container(container);
    DONE();
}
