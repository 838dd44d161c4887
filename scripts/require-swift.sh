#!/bin/sh
# Says which Swift is needed and where to get it, when it is missing or too old. Installs nothing.
set -eu

needed=6.2
where="Swift $needed or newer is needed to build Berth. Get it from https://www.swift.org/install/linux"

if ! command -v swift >/dev/null 2>&1; then
    echo "$where (no \`swift\` was found in PATH)." >&2
    exit 1
fi

found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -n 1)
oldest=$(printf '%s\n%s\n' "$needed" "${found:-0}" | sort -V | head -n 1)
if [ "$oldest" != "$needed" ]; then
    echo "$where ($(command -v swift) is ${found:-of an unknown version})." >&2
    exit 1
fi
