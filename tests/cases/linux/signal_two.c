/* A second signal that is pending when a handler returns does not restart rt_sigreturn: the interrupted call fails
   with EINTR, once, though the second handler has SA_RESTART. */
#include "case.h"

static volatile int first, second;
static void on_first(int number) { first++; kill(getpid(), SIGUSR2); }
static void on_second(int number) { second++; }

int main(void)
{
    struct sigaction one = {.sa_handler = on_first}, two = {.sa_handler = on_second, .sa_flags = SA_RESTART};
    sigaddset(&one.sa_mask, SIGUSR2);
    sigaction(SIGUSR1, &one, NULL);
    sigaction(SIGUSR2, &two, NULL);
    pid_t me = getpid();
    if (fork() == 0) { usleep(100000); kill(me, SIGUSR1); _exit(0); }
    CHECK("pause", RES(pause()), -EINTR);
    CHECK("first handler", first, 1);
    CHECK("second handler", second, 1);
    DONE();
}
