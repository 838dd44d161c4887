// System calls on how a process is scheduled and where its memory lies. Part of CLinux.h.
#ifndef BERTH_CLINUX_PROCESS_H
#define BERTH_CLINUX_PROCESS_H

// sched_setattr(2); glibc has no declaration before 2.41.
struct berth_sched_attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};
static inline int64_t berth_sched_setattr(int pid, struct berth_sched_attr *a) {
    a->size = sizeof *a;
    return berth_result(syscall(__NR_sched_setattr, pid, a, 0));
}
static inline int64_t berth_ioprio_set(int pid, int value) {
    return berth_result(syscall(__NR_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, pid, value));
}
static inline int64_t berth_sched_setaffinity(int pid, const void *mask, size_t size) {
    return berth_result(syscall(__NR_sched_setaffinity, pid, size, mask));
}
static inline int64_t berth_set_mempolicy(int mode, const void *mask, size_t bits) {
    return berth_result(syscall(__NR_set_mempolicy, mode, mask, bits));
}

// One word that two processes share, for a process that must not make another system call (a filter may forbid all).
static inline int32_t *berth_shared_word(void) {
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : (int32_t *)p;
}
static inline void berth_free_shared_word(int32_t *p) { munmap(p, 4096); }
static inline void berth_store_word(int32_t *p, int32_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
static inline int32_t berth_load_word(const int32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }

#endif
