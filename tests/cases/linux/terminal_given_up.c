/* A terminal that a session gives up (TIOCNOTTY), or whose leader ends, is free: it works on, and opening it takes it again. Members that
   give it up are alone without it. */
#include "case.h"
#include <pty.h>

static int master, slave;
static char name[64];
static volatile int hang_ups, goes_on;
static void count(int number) { if (number == SIGHUP) hang_ups++; else goes_on++; }
static int can_open(void) { int opened = open("/dev/tty", O_RDWR); if (opened < 0) return -errno; close(opened); return 1; }

static void leader(void)
{
    setsid();
    signal(SIGHUP, count);
    signal(SIGCONT, count);
    CHECK("TIOCNOTTY without one", RES(ioctl(slave, TIOCNOTTY)), -ENOTTY);
    CHECK("TIOCSCTTY", RES(ioctl(slave, TIOCSCTTY, 0)), 0);
    CHECK("is there", can_open(), 1);
    CHECK("TIOCNOTTY", RES(ioctl(slave, TIOCNOTTY)), 0);
    CHECK("the foreground hears of it", hang_ups, 1);
    CHECK("and goes on", goes_on, 1);
    CHECK("none", can_open(), -ENXIO);
    CHECK("the slave works on", RES(write(slave, "x", 1)), 1);
    int only_written = open(name, O_WRONLY);
    CHECK("not taken by who cannot read", can_open(), -ENXIO);
    int not_taken = open(name, O_RDWR | O_NOCTTY);
    CHECK("nor with O_NOCTTY", can_open(), -ENXIO);
    int again = open(name, O_RDWR);
    CHECK("taken by open", can_open(), 1);
    CHECK("TIOCNOTTY again", RES(ioctl(again, TIOCNOTTY)), 0);
    CHECK("taken by TIOCSCTTY", RES(ioctl(again, TIOCSCTTY, 0)), 0);
    IN_CHILD({
        CHECK("a member has it", can_open(), 1);
        CHECK("a member gives it up", RES(ioctl(slave, TIOCNOTTY)), 0);
        CHECK("is without", can_open(), -ENXIO);
        CHECK("and cannot give it up", RES(ioctl(slave, TIOCNOTTY)), -ENOTTY);
        CHECK("nor ask for its group", RES(tcgetpgrp(slave)), -ENOTTY);
        IN_CHILD(CHECK("its child is without", can_open(), -ENXIO));
    });
    CHECK("the leader is not", can_open(), 1);
    CHECK("its group neither", tcgetpgrp(slave), getpid());
    hang_ups = goes_on = 0;
}

int main(void)
{
    int state;
    openpty(&master, &slave, name, NULL, NULL);
    IN_CHILD(leader());
    CHECK("the slave works on when the leader has ended", RES(write(slave, "y", 1)), 1);
    struct pollfd one = {slave, POLLIN | POLLOUT};
    poll(&one, 1, 0);
    CHECK("is not hung up", one.revents, POLLOUT);
    IN_CHILD({
        setsid();
        CHECK("another session takes it", RES(ioctl(slave, TIOCSCTTY, 0)), 0);
        CHECK("and has it", can_open(), 1);
        signal(SIGHUP, SIG_IGN);
        close(master);
        IN_CHILD({ close(master); CHECK("a group", tcgetpgrp(slave), getppid()); });
    });
    IN_CHILD({
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        pid_t child = fork();
        if (child == 0) {
            setpgid(0, 0);
            ioctl(slave, TIOCNOTTY);
            char byte;
            struct termios modes;
            CHECK("who gave it up is not in the background", RES(tcgetattr(slave, &modes)), 0);
            CHECK("and may set modes", RES(tcsetattr(slave, TCSANOW, &modes)), 0);
            _exit(bad != 0);
        }
        int state = -1;
        CHECK("not stopped", waitpid(child, &state, WUNTRACED), child);
        CHECK("well", state, 0);
        if (WIFSTOPPED(state)) kill(child, SIGKILL);
    });
    DONE();
}
