// bpf(2) for programs of type cgroup_device (Linux 4.15). Each function fills exactly the fields its command reads,
// because the kernel refuses (E2BIG) unknown fields that are not zero.
#ifndef BERTH_CLINUX_BPF_H
#define BERTH_CLINUX_BPF_H

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int64_t berth_bpf_call(int command, union bpf_attr *a) {
    long r = syscall(__NR_bpf, command, a, sizeof *a);
    return r < 0 ? -(int64_t)errno : r;
}
static inline int64_t berth_bpf_load_cgroup_device(const void *instructions, uint32_t count, const char *name, char *log,
                                                   uint32_t log_size) {
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    a.insns = (uint64_t)(uintptr_t)instructions;
    a.insn_cnt = count;
    a.license = (uint64_t)(uintptr_t) "Apache-2.0";
    a.log_buf = (uint64_t)(uintptr_t)log;
    a.log_size = log_size;
    a.log_level = log_size > 0;
    strncpy(a.prog_name, name, sizeof a.prog_name - 1);
    return berth_bpf_call(BPF_PROG_LOAD, &a);
}
// `replaced` is a program's descriptor, or -1 to add beside those attached (BPF_F_ALLOW_MULTI).
static inline int64_t berth_bpf_attach_cgroup_device(int cgroup, int program, int replaced) {
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.target_fd = cgroup;
    a.attach_bpf_fd = program;
    a.attach_type = BPF_CGROUP_DEVICE;
    a.attach_flags = BPF_F_ALLOW_MULTI;
    if (replaced >= 0) {
        a.attach_flags |= BPF_F_REPLACE;
        a.replace_bpf_fd = replaced;
    }
    return berth_bpf_call(BPF_PROG_ATTACH, &a);
}
static inline int64_t berth_bpf_detach_cgroup_device(int cgroup, int program) {
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.target_fd = cgroup;
    a.attach_bpf_fd = program;
    a.attach_type = BPF_CGROUP_DEVICE;
    return berth_bpf_call(BPF_PROG_DETACH, &a);
}
// Fills `ids` with the identifiers of the attached programs; returns how many there are.
static inline int64_t berth_bpf_query_cgroup_device(int cgroup, uint32_t *ids, uint32_t room) {
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.query.target_fd = cgroup;
    a.query.attach_type = BPF_CGROUP_DEVICE;
    a.query.prog_ids = (uint64_t)(uintptr_t)ids;
    a.query.prog_cnt = room;
    int64_t r = berth_bpf_call(BPF_PROG_QUERY, &a);
    return r < 0 ? r : (int64_t)a.query.prog_cnt;
}
static inline int64_t berth_bpf_program_by_id(uint32_t id) {
    union bpf_attr a;
    memset(&a, 0, sizeof a);
    a.prog_id = id;
    return berth_bpf_call(BPF_PROG_GET_FD_BY_ID, &a);
}

#endif
