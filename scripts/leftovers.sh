#!/bin/bash
# Prints everything on this machine that an engine of Berth's could have left, one line each, sorted. `make test` compares
# what is there before and after.
PATH=$PATH:/usr/sbin:/sbin
{
    awk '/berth/ { print "mount " $5 }' /proc/self/mountinfo
    for link in /sys/class/net/*; do
        case ${link##*/} in berth* | vberth* | bn-* | v[a-z2-7][a-z2-7][a-z2-7][a-z2-7][a-z2-7][a-z2-7][a-z2-7]-*) echo "link ${link##*/}" ;; esac
    done
    nft list tables 2>/dev/null | grep berth
    find /sys/fs/cgroup -maxdepth 5 -type d -name '*berth*' 2>/dev/null | sed 's/^/control group /'
    for exe in /proc/[0-9]*/exe; do
        case $(readlink "$exe") in */berth | */berth-runtime | */berth-monitor) echo "process $(tr '\0' ' ' <"${exe%exe}cmdline")" ;; esac
    done
    find /run/berth-claims -type l 2>/dev/null | sed 's/^/claim /'
    find /var/lib/berth-claims -type f ! -name '*lock*' 2>/dev/null | sed 's/^/claim /'
    ls -d /var/tmp/berth-[tf]-* /tmp/berth-* 2>/dev/null | sed 's/^/files /'
} | sort -u
