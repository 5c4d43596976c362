/* Process groups and sessions are found by number as long as anybody is in them, also after their leaders have ended. */
#include "case.h"

static int tell[2], hold[2];

/* A child in the group of `leader` (0: its own) that waits until the other end of the pipe is closed. */
static pid_t member(pid_t leader, int new_session)
{
    char byte;
    pid_t child = fork();
    if (child == 0) {
        if (new_session) setsid();
        else setpgid(0, leader);
        write(tell[1], "x", 1);
        close(hold[1]);
        read(hold[0], &byte, 1);
        _exit(0);
    }
    read(tell[0], &byte, 1);
    return child;
}

int main(void)
{
    int status;
    pipe(tell);
    pipe(hold);
    pid_t leader = member(0, 0), second = member(leader, 0), third = member(leader, 0);
    CHECK("group", getpgid(third), leader);
    CHECK("signal 0 to all", RES(kill(-leader, 0)), 0);
    kill(leader, SIGKILL);
    waitpid(leader, &status, 0);
    CHECK("the leader is gone", RES(kill(leader, 0)), -ESRCH);
    CHECK("the group is not", RES(kill(-leader, 0)), 0);
    pid_t fourth = member(leader, 0);
    CHECK("it can still be joined", getpgid(fourth), leader);
    CHECK("wait for a group", RES(waitpid(-leader, &status, WNOHANG)), 0);
    CHECK("kill the group", RES(kill(-leader, SIGTERM)), 0);
    for (int i = 0; i < 3; i++) CHECK("one of it", waitpid(-leader, &status, 0) > 0 && WTERMSIG(status) == SIGTERM, 1);
    CHECK("nobody is left", RES(waitpid(-leader, &status, 0)), -ECHILD);
    CHECK("no such group", RES(kill(-leader, 0)), -ESRCH);
    CHECK("nor can it be joined", RES(setpgid(0, leader)), -EPERM);
    pid_t session = member(0, 1);
    CHECK("session", getsid(session), session);
    CHECK("its group", getpgid(session), session);
    CHECK("a group elsewhere", RES(setpgid(0, session)), -EPERM);
    CHECK("setsid beside the own group", ({ pid_t child = fork(); if (!child) { setpgid(0, 0); _exit(-RES(setsid())); } waitpid(child, &status, 0); WEXITSTATUS(status); }), EPERM);
    kill(session, SIGKILL);
    waitpid(session, &status, 0);
    DONE();
}
