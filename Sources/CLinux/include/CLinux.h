// System calls, constants and structures that Swift cannot import from glibc: no logic, every function static inline.
// Convention: a `berth_` function returns the system call's result, or minus errno.
#ifndef BERTH_CLINUX_H
#define BERTH_CLINUX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

// Before any linux/ header: both define in6_addr and ifreq, and the C library's must win.
#include <net/if.h>
#include <netinet/in.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <linux/veth.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>
#include <unistd.h>

#include "CLinuxBPF.h"
#include "CLinuxCompatibility.h"
#include "CLinuxConstants.h"

static inline int64_t berth_result(int64_t r) { return r < 0 ? -(int64_t)errno : r; }

// Processes

static inline int64_t berth_clone3(struct berth_clone_args *a) {
    return berth_result(syscall(__NR_clone3, a, sizeof *a));
}
static inline int64_t berth_fork(void) { return berth_result(fork()); }
static inline int64_t berth_pidfd_open(int pid, unsigned flags) {
    return berth_result(syscall(__NR_pidfd_open, pid, flags));
}
static inline int64_t berth_pidfd_send_signal(int pidfd, int sig) {
    return berth_result(syscall(__NR_pidfd_send_signal, pidfd, sig, NULL, 0));
}
static inline int64_t berth_pidfd_getfd(int pidfd, int fd) {
    return berth_result(syscall(__NR_pidfd_getfd, pidfd, fd, 0));
}
static inline int64_t berth_setns(int fd, int flags) { return berth_result(setns(fd, flags)); }
static inline int64_t berth_unshare(int flags) { return berth_result(unshare(flags)); }
static inline int64_t berth_waitpid(int pid, int *status, int options) {
    return berth_result(waitpid(pid, status, options));
}
static inline int64_t berth_wait4(int pid, int *status, int options, struct rusage *usage) {
    return berth_result(wait4(pid, status, options, usage));
}
static inline int berth_wifexited(int s) { return WIFEXITED(s); }
static inline int berth_wexitstatus(int s) { return WEXITSTATUS(s); }
static inline int berth_wifsignaled(int s) { return WIFSIGNALED(s); }
static inline int berth_wtermsig(int s) { return WTERMSIG(s); }
static inline int64_t berth_prctl(int op, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    return berth_result(prctl(op, a, b, c, d));
}
static inline int64_t berth_execve(const char *path, char *const *argv, char *const *envp) {
    return berth_result(execve(path, argv, envp));
}
static inline int64_t berth_faccessat2(int fd, const char *path, int mode, int flags) {
    return berth_result(syscall(439 /* faccessat2 */, fd, path, mode, flags));
}
static inline int64_t berth_execveat(int fd, const char *path, char *const *argv, char *const *envp, int flags) {
    return berth_result(syscall(__NR_execveat, fd, path, argv, envp, flags));
}
static inline int64_t berth_keyctl_join_session(const char *name) {
    return berth_result(syscall(__NR_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, name, 0, 0, 0));
}
static inline int64_t berth_setgroups(size_t n, const gid_t *list) { return berth_result(syscall(__NR_setgroups, n, list)); }
static inline int64_t berth_setresuid(uid_t u) { return berth_result(syscall(__NR_setresuid, u, u, u)); }
static inline int64_t berth_setresgid(gid_t g) { return berth_result(syscall(__NR_setresgid, g, g, g)); }
static inline int64_t berth_prlimit(int pid, int resource, const struct rlimit64 *n, struct rlimit64 *o) {
    return berth_result(syscall(__NR_prlimit64, pid, resource, n, o));
}
// The ids that count for file access alone. They report no error; the old value tells nothing we need.
static inline void berth_setfsids(uid_t u, gid_t g) {
    setfsgid(g);
    setfsuid(u);
}
static inline int64_t berth_personality(unsigned long p) { return berth_result(personality(p)); }

static inline int64_t berth_bind(int fd, const void *address, uint32_t size) {
    return berth_result(bind(fd, (const struct sockaddr *)address, size));
}
static inline int64_t berth_connect(int fd, const void *address, uint32_t size) {
    return berth_result(connect(fd, (const struct sockaddr *)address, size));
}
// Brings up `lo` of the calling process's network namespace.
static inline int64_t berth_loopback_up(void) {
    struct ifreq r = {0};
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0) return -(int64_t)errno;
    memcpy(r.ifr_name, "lo", 3);
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    int64_t result = berth_result(ioctl(s, SIOCSIFFLAGS, &r));
    close(s);
    return result;
}
static inline int64_t berth_sethostname(const char *name, size_t size) { return berth_result(sethostname(name, size)); }
static inline int64_t berth_setdomainname(const char *name, size_t size) { return berth_result(setdomainname(name, size)); }
static inline int64_t berth_unlock_pty(int master) {
    int locked = 0;
    return berth_result(ioctl(master, _IOW('T', 0x31, int), &locked));
}
static inline int64_t berth_tiocgptpeer(int master, int flags) { return berth_result(ioctl(master, _IO('T', 0x41), flags)); }
static inline int64_t berth_accept(int listener) { return berth_result(accept4(listener, NULL, NULL, SOCK_CLOEXEC)); }
static inline int64_t berth_pidfd_get_user_namespace(int pidfd) { return berth_result(ioctl(pidfd, _IO(0xFF, 9), 0)); }
static inline int64_t berth_statfs_magic(int fd) {
    struct statfs s;
    return fstatfs(fd, &s) < 0 ? -(int64_t)errno : (int64_t)(uint32_t)s.f_type;
}
static inline int64_t berth_statfs_is_read_only(int fd) {
    struct statfs s;
    return fstatfs(fd, &s) < 0 ? -(int64_t)errno : (s.f_flags & 1 /* ST_RDONLY */) != 0;
}
static inline char *const *berth_environment(void) { return environ; }
static inline int64_t berth_sigprocmask_all(int how) {
    sigset_t all;
    sigfillset(&all);
    return berth_result(sigprocmask(how, &all, NULL));
}
static inline int64_t berth_signal_default(int number) {
    struct sigaction a = {0};
    a.sa_handler = SIG_DFL;
    return berth_result(sigaction(number, &a, NULL));
}
static inline int64_t berth_signal_ignore(int number) {
    struct sigaction a = {0};
    a.sa_handler = SIG_IGN;
    return berth_result(sigaction(number, &a, NULL));
}

// Capabilities and seccomp

static inline int64_t berth_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2] = {
        {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
        {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)}};
    return berth_result(syscall(__NR_capset, &h, d));
}
static inline int64_t berth_capget(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable) {
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2] = {{0, 0, 0}, {0, 0, 0}};
    long r = syscall(__NR_capget, &h, d);
    if (r < 0) return -(int64_t)errno;
    *effective = d[0].effective | (uint64_t)d[1].effective << 32;
    *permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
    *inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
    return 0;
}
static inline int64_t berth_seccomp_set_filter(const void *instructions, uint16_t count, unsigned flags) {
    struct sock_fprog p = {count, (struct sock_filter *)instructions};
    return berth_result(syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &p));
}
static inline int64_t berth_bpf(int command, union bpf_attr *attr, unsigned size) {
    return berth_result(syscall(__NR_bpf, command, attr, size));
}

// Files

static inline int64_t berth_open(const char *path, int flags, mode_t mode) { return berth_result(open(path, flags, mode)); }
static inline int64_t berth_openat(int dir, const char *path, int flags, mode_t mode) {
    return berth_result(openat(dir, path, flags, mode));
}
static inline int64_t berth_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {flags, mode, resolve};
    return berth_result(syscall(__NR_openat2, dir, path, &how, sizeof how));
}
static inline int64_t berth_fcntl(int fd, int command, int64_t arg) { return berth_result(fcntl(fd, command, arg)); }
static inline int64_t berth_ioctl_int(int fd, unsigned long request, int64_t arg) { return berth_result(ioctl(fd, request, arg)); }
static inline int64_t berth_ioctl_ptr(int fd, unsigned long request, void *arg) { return berth_result(ioctl(fd, request, arg)); }
static inline int64_t berth_close_range(unsigned first, unsigned last, unsigned flags) {
    return berth_result(syscall(__NR_close_range, first, last, flags));
}
static inline int64_t berth_memfd_create(const char *name, unsigned flags) {
    return berth_result(syscall(__NR_memfd_create, name, flags));
}
static inline int64_t berth_renameat2(int od, const char *o, int nd, const char *n, unsigned flags) {
    return berth_result(syscall(__NR_renameat2, od, o, nd, n, flags));
}
static inline int64_t berth_getdents64(int fd, void *buffer, size_t size) {
    return berth_result(syscall(__NR_getdents64, fd, buffer, size));
}
static inline int64_t berth_readlinkat(int dir, const char *path, void *buffer, size_t size) {
    return berth_result(readlinkat(dir, path, buffer, size));
}
static inline dev_t berth_makedev(unsigned major_, unsigned minor_) { return makedev(major_, minor_); }
static inline unsigned berth_major(dev_t d) { return major(d); }
static inline unsigned berth_minor(dev_t d) { return minor(d); }

static inline int64_t berth_copy_file_range(int from, int to, size_t size) {
    return berth_result(copy_file_range(from, NULL, to, NULL, size, 0));
}
static inline int64_t berth_llistxattr(const char *path, char *list, size_t size) { return berth_result(llistxattr(path, list, size)); }
static inline int64_t berth_lgetxattr(const char *path, const char *name, void *value, size_t size) {
    return berth_result(lgetxattr(path, name, value, size));
}
static inline int64_t berth_lsetxattr(const char *path, const char *name, const void *value, size_t size) {
    return berth_result(lsetxattr(path, name, value, size, 0));
}

// Mounts

static inline int64_t berth_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
    return berth_result(mount(source, target, type, flags, data));
}
static inline int64_t berth_umount2(const char *target, int flags) { return berth_result(umount2(target, flags)); }
static inline int64_t berth_open_tree(int dir, const char *path, unsigned flags) {
    return berth_result(syscall(BERTH_NR_open_tree, dir, path, flags));
}
static inline int64_t berth_move_mount(int fd, const char *fp, int td, const char *tp, unsigned flags) {
    return berth_result(syscall(BERTH_NR_move_mount, fd, fp, td, tp, flags));
}
static inline int64_t berth_fsopen(const char *type, unsigned flags) { return berth_result(syscall(BERTH_NR_fsopen, type, flags)); }
static inline int64_t berth_fsconfig(int fd, unsigned command, const char *key, const void *value, int aux) {
    return berth_result(syscall(BERTH_NR_fsconfig, fd, command, key, value, aux));
}
static inline int64_t berth_fsmount(int fd, unsigned flags, unsigned attributes) {
    return berth_result(syscall(BERTH_NR_fsmount, fd, flags, attributes));
}
static inline int64_t berth_fspick(int dir, const char *path, unsigned flags) {
    return berth_result(syscall(BERTH_NR_fspick, dir, path, flags));
}
static inline int64_t berth_mount_setattr(int dir, const char *path, unsigned flags, uint64_t set, uint64_t clear,
                                          uint64_t propagation, uint64_t userns) {
    struct berth_mount_attr a = {set, clear, propagation, userns};
    return berth_result(syscall(BERTH_NR_mount_setattr, dir, path, flags, &a, sizeof a));
}
static inline int64_t berth_pivot_root(const char *new_root, const char *put_old) {
    return berth_result(syscall(__NR_pivot_root, new_root, put_old));
}

// Descriptor passing: one message of `bytes` with up to BERTH_MAX_FDS descriptors.

#define BERTH_MAX_FDS 250

static inline int64_t berth_send_fds(int socket_, const void *bytes, size_t size, const int *fds, size_t count) {
    union { char buffer[CMSG_SPACE(sizeof(int) * BERTH_MAX_FDS)]; struct cmsghdr align; } control;
    struct iovec iov = {(void *)bytes, size};
    struct msghdr m = {0};
    m.msg_iov = &iov;
    m.msg_iovlen = 1;
    if (count > BERTH_MAX_FDS) return -E2BIG;
    if (count > 0) {
        memset(&control, 0, sizeof control.align);
        m.msg_control = control.buffer;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
    }
    return berth_result(sendmsg(socket_, &m, MSG_NOSIGNAL));
}
// Received descriptors are close-on-exec. `*count` is the room in `fds` on entry, the number received on return.
static inline int64_t berth_receive_fds(int socket_, void *bytes, size_t size, int *fds, size_t *count, int flags) {
    union { char buffer[CMSG_SPACE(sizeof(int) * BERTH_MAX_FDS)]; struct cmsghdr align; } control;
    struct iovec iov = {bytes, size};
    struct msghdr m = {0};
    m.msg_iov = &iov;
    m.msg_iovlen = 1;
    m.msg_control = control.buffer;
    m.msg_controllen = sizeof control.buffer;
    ssize_t n = recvmsg(socket_, &m, MSG_CMSG_CLOEXEC | flags);
    size_t room = *count;
    *count = 0;
    if (n < 0) return -(int64_t)errno;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        size_t k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        int *received = (int *)CMSG_DATA(c);
        for (size_t i = 0; i < k; i++) {
            if (*count < room) fds[(*count)++] = received[i];
            else close(received[i]);
        }
    }
    return n;
}

#include "CLinuxNetwork.h"
#include "CLinuxProcess.h"
#include "CLinuxInternet.h"

#endif
