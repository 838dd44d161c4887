// Definitions newer than the oldest C library headers Berth builds against (glibc 2.36, Linux 6.1 headers), and
// those whose glibc and kernel headers conflict. Values are the kernel's user-space interface.
#ifndef BERTH_CLINUX_COMPATIBILITY_H
#define BERTH_CLINUX_COMPATIBILITY_H

#define BERTH_NR_open_tree 428
#define BERTH_NR_move_mount 429
#define BERTH_NR_fsopen 430
#define BERTH_NR_fsconfig 431
#define BERTH_NR_fsmount 432
#define BERTH_NR_fspick 433
#define BERTH_NR_mount_setattr 442

struct berth_clone_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
struct berth_mount_attr {
    uint64_t attr_set, attr_clr, propagation, userns_fd;
};

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

#endif
