// Constants that are macros with casts or types Swift's importer drops, as typed values.
#ifndef BERTH_CLINUX_CONSTANTS_H
#define BERTH_CLINUX_CONSTANTS_H

#include <stdint.h>

static const uint64_t BERTH_CLONE_NEWTIME = 0x00000080;
static const uint64_t BERTH_CLONE_NEWNS = 0x00020000;
static const uint64_t BERTH_CLONE_NEWCGROUP = 0x02000000;
static const uint64_t BERTH_CLONE_NEWUTS = 0x04000000;
static const uint64_t BERTH_CLONE_NEWIPC = 0x08000000;
static const uint64_t BERTH_CLONE_NEWUSER = 0x10000000;
static const uint64_t BERTH_CLONE_NEWPID = 0x20000000;
static const uint64_t BERTH_CLONE_NEWNET = 0x40000000;
static const uint64_t BERTH_CLONE_PIDFD = 0x00001000;
static const uint64_t BERTH_CLONE_PARENT = 0x00008000;
static const uint64_t BERTH_CLONE_VM = 0x00000100;
static const uint64_t BERTH_CLONE_VFORK = 0x00004000;
static const uint64_t BERTH_CLONE_FILES = 0x00000400;
static const uint64_t BERTH_CLONE_INTO_CGROUP = 0x200000000ULL;
static const uint64_t BERTH_CLONE_CLEAR_SIGHAND = 0x100000000ULL;

static const uint64_t BERTH_MOUNT_ATTR_RDONLY = 0x1;
static const uint64_t BERTH_MOUNT_ATTR_NOSUID = 0x2;
static const uint64_t BERTH_MOUNT_ATTR_NODEV = 0x4;
static const uint64_t BERTH_MOUNT_ATTR_NOEXEC = 0x8;
static const uint64_t BERTH_MOUNT_ATTR_ATIME_MASK = 0x70;
static const uint64_t BERTH_MOUNT_ATTR_RELATIME = 0x0;
static const uint64_t BERTH_MOUNT_ATTR_NOATIME = 0x10;
static const uint64_t BERTH_MOUNT_ATTR_STRICTATIME = 0x20;
static const uint64_t BERTH_MOUNT_ATTR_NODIRATIME = 0x80;
static const uint64_t BERTH_MOUNT_ATTR_IDMAP = 0x00100000;
static const uint64_t BERTH_MOUNT_ATTR_NOSYMFOLLOW = 0x00200000;

static const uint32_t BERTH_FSCONFIG_SET_FLAG = 0;
static const uint32_t BERTH_FSCONFIG_SET_STRING = 1;
static const uint32_t BERTH_FSCONFIG_SET_BINARY = 2;
static const uint32_t BERTH_FSCONFIG_SET_PATH = 3;
static const uint32_t BERTH_FSCONFIG_SET_PATH_EMPTY = 4;
static const uint32_t BERTH_FSCONFIG_SET_FD = 5;
static const uint32_t BERTH_FSCONFIG_CMD_CREATE = 6;
static const uint32_t BERTH_FSCONFIG_CMD_RECONFIGURE = 7;
static const uint32_t BERTH_FSOPEN_CLOEXEC = 1;
static const uint32_t BERTH_FSMOUNT_CLOEXEC = 1;
static const uint32_t BERTH_OPEN_TREE_CLONE = 1;
static const uint32_t BERTH_OPEN_TREE_CLOEXEC = 02000000;
static const uint32_t BERTH_MOVE_MOUNT_F_SYMLINKS = 0x1;
static const uint32_t BERTH_MOVE_MOUNT_F_EMPTY_PATH = 0x4;
static const uint32_t BERTH_MOVE_MOUNT_T_SYMLINKS = 0x10;
static const uint32_t BERTH_MOVE_MOUNT_T_EMPTY_PATH = 0x40;
static const uint32_t BERTH_AT_RECURSIVE = 0x8000;

static const uint64_t BERTH_RESOLVE_NO_XDEV = 0x01;
static const uint64_t BERTH_RESOLVE_NO_MAGICLINKS = 0x02;
static const uint64_t BERTH_RESOLVE_NO_SYMLINKS = 0x04;
static const uint64_t BERTH_RESOLVE_BENEATH = 0x08;
static const uint64_t BERTH_RESOLVE_IN_ROOT = 0x10;
static const uint64_t BERTH_RESOLVE_CACHED = 0x20;

static const uint32_t BERTH_CLOSE_RANGE_UNSHARE = 2;
static const uint32_t BERTH_CLOSE_RANGE_CLOEXEC = 4;

#endif
