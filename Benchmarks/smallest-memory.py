#!/usr/bin/env python3
"""Finds the smallest memory limit, in KiB, under which each runtime still starts /bin/true, and prints them as JSON.

    smallest-memory.py BUNDLE WORK NAME=PROGRAM…

A limit counts when three starts in a row succeed. null where not even 16 MiB does.
"""
import json, os, subprocess, sys

bundle, work = sys.argv[1], sys.argv[2]
programs = dict(word.split("=", 1) for word in sys.argv[3:])
config = json.load(open(f"{bundle}/config.json"))
config["root"]["path"] = os.path.join(bundle, config["root"]["path"])
path = f"{work}/bundle-memory"
os.makedirs(path, exist_ok=True)


def starts(name, kibibytes):
    config["linux"]["resources"] = {"memory": {"limit": kibibytes * 1024}}
    json.dump(config, open(f"{path}/config.json", "w"))
    for turn in range(3):
        words = [programs[name], "--root", f"{work}/root-memory-{name}"]
        identifier = f"m-{os.getpid()}-{kibibytes}-{turn}"
        try:
            done = subprocess.run(words + ["run", "--bundle", path, identifier], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)
        except subprocess.TimeoutExpired:
            done = None
        if done is None or done.returncode:
            subprocess.run(words + ["delete", "--force", identifier], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return False
    return True


def smallest(name):
    low, high = 0, 16 * 1024  # pages are 4 KiB: 16 is fine enough
    if not starts(name, high): return None
    while high - low > 16:
        middle = (low + high) // 2
        if starts(name, middle): high = middle
        else: low = middle
    return high


print(json.dumps({name: smallest(name) for name in programs}))
