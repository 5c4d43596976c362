/* User 0 without capabilities has no more to say about segments of others than anybody: CAP_IPC_OWNER is asked for where permissions do not
   allow it, CAP_SYS_ADMIN to remove, CAP_IPC_LOCK to lock. Who acts is the effective user, whatever setfsuid(2) says. */
#include "case.h"
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/shm.h>

enum { IPC_LOCK = 14, IPC_OWNER = 15, SYS_ADMIN = 21, OTHER = 1000 };

static void keep_only(long capability)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    if (capability >= 0) data[0].effective = data[0].permitted = 1u << capability;
    CHECK("capset", RES(syscall(SYS_capset, &head, data)), 0);
}

static long attach(int id)
{
    void *place = shmat(id, NULL, 0);
    if (place == (void *)-1) return -errno;
    shmdt(place);
    return 0;
}

int main(void)
{
    int pipes[2], id = -1;
    pipe(pipes);
    IN_CHILD({
        setresuid(OTHER, OTHER, OTHER);
        id = shmget(IPC_PRIVATE, 4096, 0600);
        write(pipes[1], &id, sizeof id);
    });
    read(pipes[0], &id, sizeof id);
    IN_CHILD({
        keep_only(-1);
        CHECK("attach", attach(id), -EACCES);
        CHECK("lock", RES(shmctl(id, SHM_LOCK, NULL)), -EPERM);
        CHECK("remove", RES(shmctl(id, IPC_RMID, NULL)), -EPERM);
        setfsuid(OTHER);
        CHECK("attach as another for files", attach(id), -EACCES);
    });
    IN_CHILD({
        keep_only(IPC_OWNER);
        CHECK("attach with CAP_IPC_OWNER", attach(id), 0);
        CHECK("remove with it", RES(shmctl(id, IPC_RMID, NULL)), -EPERM);
    });
    IN_CHILD({
        keep_only(IPC_LOCK);
        CHECK("lock with CAP_IPC_LOCK", RES(shmctl(id, SHM_LOCK, NULL)), 0);
        CHECK("unlock", RES(shmctl(id, SHM_UNLOCK, NULL)), 0);
        CHECK("attach with it", attach(id), -EACCES);
    });
    IN_CHILD({
        keep_only(SYS_ADMIN);
        CHECK("attach with CAP_SYS_ADMIN", attach(id), -EACCES);
        CHECK("remove with it", RES(shmctl(id, IPC_RMID, NULL)), 0);
    });
    CHECK("gone", attach(id), -EINVAL);
    DONE();
}
