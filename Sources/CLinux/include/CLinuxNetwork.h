// Sockets and the netlink family: calls whose arguments Swift cannot import, and headers newer code needs.
#ifndef BERTH_CLINUX_NETWORK_H
#define BERTH_CLINUX_NETWORK_H

#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/time.h>

static inline int64_t berth_netlink_socket(int protocol) {
    return berth_result(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
}
// One datagram to the kernel itself (port id 0).
static inline int64_t berth_netlink_send(int fd, const void *bytes, size_t size) {
    struct sockaddr_nl kernel = {0};
    kernel.nl_family = AF_NETLINK;
    return berth_result(sendto(fd, bytes, size, MSG_NOSIGNAL, (const struct sockaddr *)&kernel, sizeof kernel));
}
// One datagram; the result is its true length even when it did not fit. `*sender` is the sender's port id.
static inline int64_t berth_netlink_receive(int fd, void *bytes, size_t size, int wait_, uint32_t *sender) {
    struct sockaddr_nl from = {0};
    socklen_t length = sizeof from;
    int flags = MSG_TRUNC | (wait_ ? 0 : MSG_DONTWAIT);
    int64_t n = berth_result(recvfrom(fd, bytes, size, flags, (struct sockaddr *)&from, &length));
    *sender = length >= sizeof from ? from.nl_pid : UINT32_MAX;
    return n;
}
static inline int64_t berth_setsockopt_int(int fd, int level, int name, int value) {
    return berth_result(setsockopt(fd, level, name, &value, sizeof value));
}
static inline int64_t berth_getsockopt_int(int fd, int level, int name) {
    int value = 0;
    socklen_t length = sizeof value;
    int64_t r = berth_result(getsockopt(fd, level, name, &value, &length));
    return r < 0 ? r : value;
}
static inline int64_t berth_set_receive_timeout(int fd, int64_t milliseconds) {
    struct timeval t = {milliseconds / 1000, (milliseconds % 1000) * 1000};
    return berth_result(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));
}

// Internet sockets. `address` is 4 bytes for AF_INET, 16 for AF_INET6, in network order; `port` in host order.

static inline int64_t berth_inet_socket(int family, int stream, int protocol) {
    return berth_result(socket(family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, protocol));
}
static inline int64_t berth_inet_bind(int fd, int family, const void *address, uint16_t port) {
    if (family == AF_INET6) {
        struct sockaddr_in6 a = {0};
        a.sin6_family = AF_INET6;
        a.sin6_port = htons(port);
        memcpy(&a.sin6_addr, address, 16);
        return berth_result(bind(fd, (const struct sockaddr *)&a, sizeof a));
    }
    struct sockaddr_in a = {0};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    memcpy(&a.sin_addr, address, 4);
    return berth_result(bind(fd, (const struct sockaddr *)&a, sizeof a));
}
// The port a socket is bound to, in host order.
static inline int64_t berth_inet_port(int fd) {
    union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; } a;
    socklen_t length = sizeof a;
    if (getsockname(fd, &a.any, &length) < 0) return -(int64_t)errno;
    return a.any.sa_family == AF_INET6 ? ntohs(a.v6.sin6_port) : ntohs(a.v4.sin_port);
}
static inline int64_t berth_listen(int fd, int backlog) { return berth_result(listen(fd, backlog)); }
static inline int64_t berth_shutdown(int fd) { return berth_result(shutdown(fd, SHUT_RDWR)); }
// Every packet that arrives for this socket is dropped (a filter that accepts 0 bytes).
static inline int64_t berth_drop_all_packets(int fd) {
    struct sock_filter none[] = {{0x06 /* BPF_RET | BPF_K */, 0, 0, 0}};
    struct sock_fprog program = {1, none};
    return berth_result(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
}

// Of nf_tables' events only those of type DELTABLE (2), DELCHAIN (5), DELRULE (8) and DELSET (11) pass: the message type
// stands at offset 4 in host order (nlmsghdr), the subsystem in its high byte; a filter reads big-endian.
static inline int64_t berth_netlink_removals_only(int fd) {
    struct sock_filter code[] = {
        {0x30 /* ldb [k] */, 0, 0, __BYTE_ORDER == __LITTLE_ENDIAN ? 4 : 5},
        {0x15 /* jeq */, 4, 0, 2},
        {0x15, 3, 0, 5},
        {0x15, 2, 0, 8},
        {0x15, 1, 0, 11},
        {0x06 /* ret */, 0, 0, 0},
        {0x06, 0, 0, 0xFFFFFFFF},
    };
    struct sock_fprog program = {7, code};
    return berth_result(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
}
// Gives the socket a port id: one without gets no multicast, since its 0 is what the kernel leaves out (nlmsg_notify).
static inline int64_t berth_netlink_bind(int fd) {
    struct sockaddr_nl own = {0};
    own.nl_family = AF_NETLINK;
    return berth_result(bind(fd, (const struct sockaddr *)&own, sizeof own));
}

// Starts a program with the three standard descriptors given, every other one closed, default signal
// dispositions and an empty signal mask. vfork semantics inside: safe in a process with threads.
static inline int64_t berth_spawn(const char *path, char *const *argv, char *const *envp, int in, int out, int err) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    pid_t pid = 0;
    int r = posix_spawn_file_actions_init(&actions);
    if (r) return -(int64_t)r;
    r = posix_spawnattr_init(&attributes);
    if (r) {
        posix_spawn_file_actions_destroy(&actions);
        return -(int64_t)r;
    }
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    sigemptyset(&none);
    if (!r) r = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!r) r = posix_spawnattr_setsigmask(&attributes, &none);
    if (!r) r = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!r) r = posix_spawn_file_actions_adddup2(&actions, in, 0);
    if (!r) r = posix_spawn_file_actions_adddup2(&actions, out, 1);
    if (!r) r = posix_spawn_file_actions_adddup2(&actions, err, 2);
    if (!r) r = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    if (!r) r = posix_spawn(&pid, path, &actions, &attributes, argv, envp);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return r ? -(int64_t)r : pid;
}

#endif
