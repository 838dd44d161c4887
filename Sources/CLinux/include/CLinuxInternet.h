// Internet sockets beyond binding: peers, datagrams, options. Addresses are 4 bytes (AF_INET) or 16 (AF_INET6) in network
// order, ports are in host order.
#ifndef BERTH_CLINUX_INTERNET_H
#define BERTH_CLINUX_INTERNET_H

#include <linux/netfilter_ipv4/ip_tables.h>
#include <sys/timerfd.h>

union berth_inet_name { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; };

static inline socklen_t berth_inet_name_(union berth_inet_name *a, int family, const void *address, uint16_t port) {
    memset(a, 0, sizeof *a);
    if (family == AF_INET6) {
        a->v6.sin6_family = AF_INET6;
        a->v6.sin6_port = htons(port);
        memcpy(&a->v6.sin6_addr, address, 16);
        return sizeof a->v6;
    }
    a->v4.sin_family = AF_INET;
    a->v4.sin_port = htons(port);
    memcpy(&a->v4.sin_addr, address, 4);
    return sizeof a->v4;
}
static inline void berth_inet_parts_(const union berth_inet_name *a, int *family, void *address, uint16_t *port) {
    *family = a->any.sa_family;
    if (a->any.sa_family == AF_INET6) {
        memcpy(address, &a->v6.sin6_addr, 16);
        *port = ntohs(a->v6.sin6_port);
    } else {
        memcpy(address, &a->v4.sin_addr, 4);
        *port = ntohs(a->v4.sin_port);
    }
}
static inline int64_t berth_inet_socket_nonblocking(int family, int stream) {
    return berth_result(socket(family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}
static inline int64_t berth_inet_connect(int fd, int family, const void *address, uint16_t port) {
    union berth_inet_name a;
    socklen_t length = berth_inet_name_(&a, family, address, port);
    return berth_result(connect(fd, &a.any, length));
}
// The next connection, not blocking; who it is from.
static inline int64_t berth_inet_accept(int fd, int *family, void *address, uint16_t *port) {
    union berth_inet_name a;
    socklen_t length = sizeof a;
    int64_t r = berth_result(accept4(fd, &a.any, &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (r >= 0) berth_inet_parts_(&a, family, address, port);
    return r;
}
// One datagram, not waiting; its true length even when it did not fit.
static inline int64_t berth_inet_receive(int fd, void *bytes, size_t size, int *family, void *address, uint16_t *port) {
    union berth_inet_name a;
    socklen_t length = sizeof a;
    memset(&a, 0, sizeof a);
    int64_t r = berth_result(recvfrom(fd, bytes, size, MSG_DONTWAIT | MSG_TRUNC, &a.any, &length));
    if (r >= 0) berth_inet_parts_(&a, family, address, port);
    return r;
}
static inline int64_t berth_inet_send(int fd, const void *bytes, size_t size, int family, const void *address, uint16_t port) {
    union berth_inet_name a;
    socklen_t length = berth_inet_name_(&a, family, address, port);
    return berth_result(sendto(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL, &a.any, length));
}
// Several datagrams of IPv4 by one call, not waiting: `count` (at most 32) of at most `slot` bytes each, one after the other.
// A length is the true one.
#define BERTH_DATAGRAMS 32
static inline int64_t berth_inet4_receive_many(
    int fd, void *bytes, size_t slot, unsigned count, uint32_t *lengths, struct sockaddr_in *peers
) {
    struct mmsghdr m[BERTH_DATAGRAMS];
    struct iovec v[BERTH_DATAGRAMS];
    if (count > BERTH_DATAGRAMS) count = BERTH_DATAGRAMS;
    for (unsigned i = 0; i < count; i++) {
        v[i] = (struct iovec){(char *)bytes + i * slot, slot};
        m[i].msg_hdr = (struct msghdr){.msg_name = &peers[i], .msg_namelen = sizeof *peers, .msg_iov = &v[i], .msg_iovlen = 1};
    }
    int64_t r = berth_result(recvmmsg(fd, m, count, MSG_DONTWAIT | MSG_TRUNC, NULL));
    for (int64_t i = 0; i < r; i++) lengths[i] = m[i].msg_len;
    return r;
}
// How many were sent; fewer when there is no room for more.
static inline int64_t berth_inet4_send_many(
    int fd, const void *bytes, const uint32_t *lengths, unsigned count, const struct sockaddr_in *peers
) {
    struct mmsghdr m[BERTH_DATAGRAMS];
    struct iovec v[BERTH_DATAGRAMS];
    const char *next = (const char *)bytes;
    if (count > BERTH_DATAGRAMS) count = BERTH_DATAGRAMS;
    for (unsigned i = 0; i < count; i++) {
        v[i] = (struct iovec){(void *)next, lengths[i]};
        next += lengths[i];
        m[i].msg_hdr = (struct msghdr){
            .msg_name = (void *)&peers[i], .msg_namelen = sizeof *peers, .msg_iov = &v[i], .msg_iovlen = 1};
    }
    return berth_result(sendmmsg(fd, m, count, MSG_DONTWAIT | MSG_NOSIGNAL));
}
static inline int64_t berth_socket_error(int fd) {
    int value = 0;
    socklen_t length = sizeof value;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &length) < 0) return -(int64_t)errno;
    return -(int64_t)value;
}
static inline int64_t berth_shutdown_write(int fd) { return berth_result(shutdown(fd, SHUT_WR)); }
static inline int64_t berth_splice(int from, int to, size_t size) {
    return berth_result(splice(from, NULL, to, NULL, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
}
static inline int64_t berth_timerfd(void) { return berth_result(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)); }
// Fires once after so many milliseconds; 0 stops it.
static inline int64_t berth_timerfd_set(int fd, int64_t milliseconds) {
    struct itimerspec t = {{0, 0}, {milliseconds / 1000, (milliseconds % 1000) * 1000000}};
    return berth_result(timerfd_settime(fd, 0, &t, NULL));
}

// iptables of the old kind (ip_tables.ko), which nf_tables does not show. `six` asks for ip6tables.
static inline int64_t berth_iptables_socket(int six) {
    return berth_result(socket(six ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
}
// SO_GET_INFO (64) and SO_GET_ENTRIES (65) are the same numbers in both families.
static inline int64_t berth_iptables_get(int fd, int six, int what, void *bytes, uint32_t *size) {
    socklen_t length = *size;
    int64_t r = berth_result(getsockopt(fd, six ? IPPROTO_IPV6 : IPPROTO_IP, what, bytes, &length));
    *size = length;
    return r;
}

#endif
