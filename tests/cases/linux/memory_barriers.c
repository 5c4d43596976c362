/* membarrier(2): what there is is told, and what has to be registered for is EPERM before. */
#include "case.h"
#define barrier(command, flags) RES(syscall(SYS_membarrier, command, flags, 0))
enum { QUERY, GLOBAL, GLOBAL_EXPEDITED, REGISTER_GLOBAL = 4, PRIVATE = 8, REGISTER_PRIVATE = 16, SYNC_CORE = 32, REGISTER_SYNC_CORE = 64 };

int main(void)
{
    long known = barrier(QUERY, 0);
    CHECK("GLOBAL", known & GLOBAL, GLOBAL);
    CHECK("PRIVATE_EXPEDITED", known & (PRIVATE | REGISTER_PRIVATE), PRIVATE | REGISTER_PRIVATE);
    CHECK("GLOBAL_EXPEDITED", known & (GLOBAL_EXPEDITED | REGISTER_GLOBAL), GLOBAL_EXPEDITED | REGISTER_GLOBAL);
    CHECK("not registered", barrier(PRIVATE, 0), -EPERM);
    CHECK("register", barrier(REGISTER_PRIVATE, 0), 0);
    CHECK("registered", barrier(PRIVATE, 0), 0);
    CHECK("global", barrier(GLOBAL, 0), 0);
    CHECK("global, expedited", barrier(GLOBAL_EXPEDITED, 0), 0);
    CHECK("flags", barrier(GLOBAL, 5), -EINVAL);
    CHECK("no command", barrier(3, 0), -EINVAL);
    CHECK("core not registered", barrier(SYNC_CORE, 0), -EPERM);
    CHECK("register", barrier(REGISTER_SYNC_CORE, 0), 0);
    CHECK("core", barrier(SYNC_CORE, 0), 0);
    IN_CHILD(CHECK("a child is registered", barrier(PRIVATE, 0), 0));
    DONE();
}
