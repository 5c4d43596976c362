/* Packet mode of pseudo-terminals (TIOCPKT): each read of the master begins with a byte that says what happened. And the modes of a
   terminal by the other names: struct termio, struct termios2 with speeds as numbers. */
#include "case.h"
#include <pty.h>

#define GET_PACKETS 0x80045438
#define GET_MODES_2 0x802c542a
#define SET_MODES_2 0x402c542b
struct modes_2 { unsigned input, output, control, local; unsigned char line, characters[19]; unsigned input_speed, output_speed; };
struct modes_old { unsigned short input, output, control, local; unsigned char line, characters[8]; };

static int master, slave;
static char got[4096];
static int ready(void) { struct pollfd one = {master, POLLIN | POLLPRI}; poll(&one, 1, 0); return one.revents; }
static void set_packets(int on) { CHECK("TIOCPKT", RES(ioctl(master, TIOCPKT, &on)), 0); }
static void await(void) { struct pollfd one = {master, POLLIN}; poll(&one, 1, 1000); }
static int told(void) { await(); return read(master, got, sizeof got) == 1 ? got[0] : -1; }

static void packets(void)
{
    int count = -1;
    struct termios modes;
    openpty(&master, &slave, NULL, NULL, NULL);
    fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
    CHECK("of the slave", RES(ioctl(slave, TIOCPKT, &(int){1})), -ENOTTY);
    CHECK("nowhere", RES(ioctl(master, TIOCPKT, NULL)), -EFAULT);
    CHECK("off at first", (ioctl(master, GET_PACKETS, &count), count), 0);
    tcflush(slave, TCIOFLUSH);
    set_packets(1);
    CHECK("on", (ioctl(master, GET_PACKETS, &count), count), 1);
    CHECK("nothing of before is told of", RES(read(master, got, 9)), -EAGAIN);
    write(slave, "xyz", 3);
    CHECK("data", RES(read(master, got, 9)), 4);
    CHECK("begins with 0", memcmp(got, "\0xyz", 4), 0);
    write(slave, "xyz", 3);
    CHECK("room for the byte", RES(read(master, got, 1)), 1);
    CHECK("data are next", got[0], 0);
    CHECK("which stay", RES(read(master, got, 3)), 3);
    CHECK("the first two", memcmp(got, "\0xy", 3), 0);
    CHECK("the last", RES(read(master, got, 3)), 2);
    CHECK("nothing", ready(), 0);
    tcflush(slave, TCIFLUSH);
    CHECK("flushed input is urgent", ready(), POLLIN | POLLPRI);
    CHECK("flushed input", told(), TIOCPKT_FLUSHREAD);
    CHECK("told once", RES(read(master, got, 9)), -EAGAIN);
    tcflush(slave, TCOFLUSH);
    CHECK("flushed output", told(), TIOCPKT_FLUSHWRITE);
    tcflow(slave, TCOOFF);
    CHECK("stopped", told(), TIOCPKT_STOP);
    tcflow(slave, TCOOFF);
    CHECK("stopped already", RES(read(master, got, 9)), -EAGAIN);
    tcflow(slave, TCOON);
    CHECK("started", told(), TIOCPKT_START);
    tcflow(slave, TCOOFF);
    tcflow(slave, TCOON);
    CHECK("only the last of both", told(), TIOCPKT_START);
    tcgetattr(slave, &modes);
    modes.c_iflag &= ~IXON;
    tcsetattr(slave, TCSANOW, &modes);
    CHECK("no flow control", told(), TIOCPKT_NOSTOP);
    modes.c_iflag |= IXON;
    tcsetattr(slave, TCSANOW, &modes);
    CHECK("flow control", told(), TIOCPKT_DOSTOP);
    modes.c_cc[VSTOP] = 'x';
    tcsetattr(slave, TCSANOW, &modes);
    CHECK("by another key", told(), TIOCPKT_NOSTOP);
    modes.c_cc[VERASE] = 'y';
    tcsetattr(slave, TCSANOW, &modes);
    CHECK("another change", RES(read(master, got, 9)), -EAGAIN);
    tcsetattr(slave, TCSAFLUSH, &modes);
    CHECK("flushed on the way", told(), TIOCPKT_FLUSHREAD);
    write(master, "\003", 1);
    CHECK("a key that means a signal", told(), TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
    await();
    CHECK("and its echo", RES(read(master, got, 9)), 3);
    CHECK("as data", memcmp(got, "\0^C", 3), 0);
    set_packets(0);
    tcflush(slave, TCIOFLUSH);
    CHECK("told nothing when off", ready(), 0);
    write(slave, "x", 1);
    CHECK("data as they are", RES(read(master, got, 9)), 1);
}

static void modes(void)
{
    struct modes_2 two;
    struct modes_old old;
    struct termios usual;
    tcgetattr(slave, &usual);
    CHECK("TCGETS2", RES(ioctl(slave, GET_MODES_2, &two)), 0);
    CHECK("speed", two.output_speed, 38400);
    CHECK("speed of input", two.input_speed, 38400);
    CHECK("input", two.input, usual.c_iflag);
    CHECK("nowhere", RES(ioctl(slave, GET_MODES_2, NULL)), -EFAULT);
    two.control = two.control & ~0x100f | 0x1000;
    two.output_speed = 12345;
    CHECK("TCSETS2", RES(ioctl(slave, SET_MODES_2, &two)), 0);
    memset(&two, 0, sizeof two);
    CHECK("TCGETS2 of the master", RES(ioctl(master, GET_MODES_2, &two)), 0);
    CHECK("speed as a number", two.output_speed, 12345);
    CHECK("input like output", two.input_speed, 12345);
    two.control = two.control & ~0x100f | 0x1002;
    two.control = two.control & ~CSIZE | CS5 | PARENB;
    CHECK("a speed by its bits", RES(ioctl(slave, SET_MODES_2, &two)), 0);
    ioctl(slave, GET_MODES_2, &two);
    CHECK("speed", two.output_speed, 115200);
    CHECK("bytes have eight bits", two.control & (CSIZE | PARENB | CREAD), CS8 | CREAD);
    CHECK("TCGETA", RES(ioctl(slave, TCGETA, &old)), 0);
    CHECK("input", old.input, two.input & 0xffff);
    CHECK("end of file", old.characters[VEOF], 4);
    CHECK("nowhere", RES(ioctl(slave, TCGETA, NULL)), -EFAULT);
    old.characters[VEOF] = 5;
    old.local &= ~ECHO;
    CHECK("TCSETA", RES(ioctl(slave, TCSETA, &old)), 0);
    ioctl(slave, GET_MODES_2, &two);
    CHECK("end of file", two.characters[VEOF], 5);
    CHECK("no echo", two.local & ECHO, 0);
    CHECK("TCSETA from nowhere", RES(ioctl(slave, TCSETA, NULL)), -EFAULT);
}

int main(void)
{
    packets();
    modes();
    DONE();
}
