import OCI

/// The filter of every container that asks for no other: what Docker's default profile allows, by what it is for.
///
/// Everything not named is refused with EPERM; calls that some capability is about are allowed to those that have it.
enum DefaultSeccomp {
    /// The profile for processes with these capabilities.
    static func profile(capabilities: Set<String>) -> RuntimeSeccomp {
        var rules = [RuntimeSeccompRule]()
        func allow(_ names: String, _ conditions: [RuntimeSeccompArgument] = []) {
            rules.append(
                RuntimeSeccompRule(
                    names: names.split(whereSeparator: \.isWhitespace).map(String.init), action: "SCMP_ACT_ALLOW",
                    args: conditions))
        }
        func equal(_ index: UInt32, _ value: UInt64) -> RuntimeSeccompArgument {
            RuntimeSeccompArgument(index: index, value: value, op: "SCMP_CMP_EQ")
        }

        for group in always { allow(group) }
        // personality(2): Linux, 32-bit Linux, with and without address randomisation, and the query.
        for value: UInt64 in [0x0, 0x8, 0x20000, 0x20008, 0xFFFF_FFFF] { allow("personality", [equal(0, value)]) }
        // ioctl, but not TIOCSTI (0x5412) and TIOCLINUX (0x541c), which put characters into a terminal's input. A filter cannot
        // say "not equal" of the 32 bits that the kernel looks at, so: a bit that both have in common differs, or the
        // three bits in which they differ are as in neither.
        for bit in UInt64(0)..<32 where bit == 0 || bit > 3 {
            allow("ioctl", [RuntimeSeccompArgument(index: 1, value: 1 << bit, valueTwo: ~0x5412 & 1 << bit, op: "SCMP_CMP_MASKED_EQ")])
        }
        for bits: UInt64 in [0x0, 0x4, 0x6, 0x8, 0xA, 0xE] {
            allow("ioctl", [RuntimeSeccompArgument(index: 1, value: 0xE, valueTwo: bits, op: "SCMP_CMP_MASKED_EQ")])
        }
        // AF_VSOCK would reach the hypervisor.
        allow("socket", [RuntimeSeccompArgument(index: 0, value: 40, op: "SCMP_CMP_NE")])
        for (capability, names) in privileged where capabilities.contains(capability) { allow(names) }
        if !capabilities.contains("CAP_SYS_ADMIN") {
            // No new namespaces: any of the CLONE_NEW* bits but CLONE_NEWTIME's, which clone(2) reads as a signal.
            allow("clone", [RuntimeSeccompArgument(index: 0, value: 0x7E02_0000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ")])
            // clone3's flags lie in memory that a filter cannot read: ENOSYS makes libraries fall back to clone.
            rules.append(RuntimeSeccompRule(names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38))
        }
        return RuntimeSeccomp(
            defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 1, architectures: architectures, syscalls: rules)
    }

    private static var architectures: [String] {
        #if arch(x86_64)
        ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
        #else
        ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
        #endif
    }

    private static let always = [
        // Files and directories.
        """
        access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
        fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync
        flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64
        lchown lchown32 link linkat llseek _llseek lseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at
        newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat
        readv rename renameat renameat2 rmdir sendfile sendfile64 splice stat stat64 statfs statfs64 statx symlink
        symlinkat sync sync_file_range sync_file_range2 arm_sync_file_range syncfs tee truncate truncate64 umask unlink
        unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev cachestat
        """,
        // Extended attributes and file events.
        """
        fgetxattr flistxattr fremovexattr fsetxattr getxattr lgetxattr listxattr llistxattr lremovexattr lsetxattr
        removexattr setxattr getxattrat listxattrat removexattrat setxattrat fanotify_mark inotify_add_watch inotify_init
        inotify_init1 inotify_rm_watch
        """,
        // Memory.
        """
        brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect
        mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease
        remap_file_pages
        """,
        // Processes, signals, scheduling, identity.
        """
        alarm capget capset execve execveat exit exit_group fork getegid getegid32 geteuid geteuid32 getgid getgid32
        getgroups getgroups32 getpgid getpgrp getpid getppid getpriority getresgid getresgid32 getresuid getresuid32
        getrlimit ugetrlimit getrusage getsid gettid getuid getuid32 ioprio_get ioprio_set kill landlock_add_rule
        landlock_create_ruleset landlock_restrict_self pause pidfd_open pidfd_send_signal prctl prlimit64 restart_syscall
        rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
        rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity
        sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
        sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp set_robust_list
        get_robust_list set_thread_area get_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid
        setgid32 setgroups setgroups32 setitimer getitimer setpgid setpriority setregid setregid32 setresgid setresgid32
        setresuid setresuid32 setreuid setreuid32 setrlimit setsid setuid setuid32 sigaltstack signalfd signalfd4
        sigprocmask sigreturn tgkill tkill vfork wait4 waitid waitpid
        ptrace process_vm_readv process_vm_writev arch_prctl modify_ldt
        uretprobe
        """,
        // Waiting, time, futexes, queues.
        """
        clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 epoll_create
        epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 futex
        futex_requeue futex_time64 futex_wait futex_waitv futex_wake getcpu gettimeofday io_cancel io_destroy io_getevents
        io_pgetevents io_pgetevents_time64 io_setup io_submit mq_getsetattr mq_notify mq_open mq_timedreceive
        mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd nanosleep _newselect
        pipe pipe2 poll ppoll ppoll_time64 pselect6 pselect6_time64 select semctl semget semop semtimedop
        semtimedop_time64 shmat shmctl shmdt shmget ipc time timer_create timer_delete timer_getoverrun timer_gettime
        timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime
        timerfd_settime64 times adjtimex clock_adjtime clock_adjtime64
        """,
        // Sockets and the rest.
        """
        accept accept4 bind connect getpeername getsockname getsockopt getrandom listen recv recvfrom recvmmsg
        recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair sysinfo uname
        """,
    ]

    private static let privileged: [(String, String)] = [
        ("CAP_DAC_READ_SEARCH", "open_by_handle_at"),
        (
            "CAP_SYS_ADMIN",
            """
            bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount
            open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare
            """
        ),
        ("CAP_SYS_BOOT", "reboot"),
        ("CAP_SYS_CHROOT", "chroot"),
        ("CAP_SYS_MODULE", "delete_module init_module finit_module"),
        ("CAP_SYS_PACCT", "acct"),
        ("CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise"),
        ("CAP_SYS_RAWIO", "iopl ioperm"),
        ("CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64"),
        ("CAP_SYS_TTY_CONFIG", "vhangup"),
        ("CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
        ("CAP_SYSLOG", "syslog"),
        ("CAP_BPF", "bpf"),
        ("CAP_PERFMON", "perf_event_open"),
    ]
}
