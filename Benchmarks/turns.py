#!/usr/bin/env python3
"""Runs single commands in turns and prints medians of wall and processor time, in milliseconds, as JSON.

    turns.py ROUNDS '{"NAME": ["COMMAND", "WORD", …], …}'

@ in a word becomes a name that no other round has. The first two rounds are warm-up.
"""
import json, os, resource, statistics, subprocess, sys, time
rounds, contenders = int(sys.argv[1]), json.loads(sys.argv[2])
wall, cpu = ({name: [] for name in contenders} for _ in range(2))
broken = {}
for turn in range(rounds + 2):
    order = list(contenders.items())
    for name, command in order[turn % len(order):] + order[:turn % len(order)]:
        if name in broken: continue
        command = [word.replace("@", f"{os.getpid()}-{turn}") for word in command]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        passed = time.perf_counter() - start
        if status:
            broken[name] = errors.decode(errors="replace").strip()[-300:] or f"status {status}"
            continue
        if turn < 2: continue  # warm-up
        wall[name].append(passed * 1e3)
        cpu[name].append((usage.ru_utime + usage.ru_stime) * 1e3)
print(json.dumps({name: {"broken": broken[name]} if name in broken else {
    "wall": statistics.median(wall[name]), "best": min(wall[name]), "cpu": statistics.median(cpu[name])} for name in contenders}))
