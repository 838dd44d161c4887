#!/usr/bin/env python3
"""Prints the tables of bench.sh from the JSON documents in its working directory.

    table.py WORK
"""
import json, sys

work = sys.argv[1]


def load(name): return json.load(open(f"{work}/{name}.json"))


def number(value): return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def ratio(value, base): return f"{value / base:.2f}" if base else "–"


notes = []
calls, floor, memory = load("calls"), load("floor"), load("memory")
titles = [
    ("run", "cpu", "`run` of `/bin/true`, CPU", "≤ 0.75"),
    ("run", "wall", "the same, wall", ""),
    ("lifecycle", "wall", "`create` + `start` + `delete`, wall", "≤ 0.8"),
    ("exec", "wall", "`exec`, wall", "≤ 0.8"),
    ("exec", "cpu", "`exec`, CPU", "≤ 0.8"),
    ("seccomp", "wall", "`run` with a seccomp profile, wall", "≤ 0.8"),
    ("seccomp", "cpu", "the same, CPU", "≤ 0.8"),
]
for view, title in [("view", "version 1 control groups"), ("version2", "a private mount of version 2")]:
    figures, rotation = load(view), load(f"{view}-all")
    figures["runc"] = rotation["runc"]
    print(f"### Runtimes, {title}: milliseconds, medians\n")
    print("| | berth-runtime | crun | runc | against crun | to reach |")
    print("|---|---|---|---|---|---|")
    for kind, unit, name, goal in titles:
        rows = {who: figures[who][kind] for who in figures}
        for who, row in rows.items():
            if "broken" in row and unit == "wall": notes.append(f"{who}, {kind}, {title}: {row['broken']}")
        cells = [number(rows[who][unit]) if unit in rows[who] else "–" for who in ["berth-runtime", "crun", "runc"]]
        ours, theirs = rows["berth-runtime"].get(unit), rows["crun"].get(unit)
        print(f"| {name} | {' | '.join(cells)} | {ratio(ours, theirs) if ours and theirs else '–'} | {goal} |")
    ours, theirs = rotation["berth-runtime"]["run"].get("cpu"), rotation["crun"]["run"].get("cpu")
    if ours and theirs:
        print(f"| `run`, CPU, with runc in the rotation | {number(ours)} | {number(theirs)} | {number(rotation['runc']['run']['cpu'])} "
              f"| {ratio(ours, theirs)} | |")
    if view == "view":
        cells = [str(calls[who]["calls"] or "–") for who in ["berth-runtime", "crun", "runc"]]
        print(f"| system calls with children | {' | '.join(cells)} | | < 600 |")
        peaks = [calls[who]["rss"] for who in ["berth-runtime", "crun", "runc"]]
        cells = [f"{peak / 1024:.1f}" if peak else "–" for peak in peaks]
        print(f"| peak resident, MiB | {' | '.join(cells)} | {ratio(peaks[0], peaks[1]) if all(peaks) else '–'} | ≤ 1.5, < 6 |")
        cells = [str(memory[who] or "–") for who in ["berth-runtime", "crun", "runc"]]
        print(f"| smallest memory limit, KiB | {' | '.join(cells)} | | ≤ 1,024 |")
        if "cpu" in floor["floor.c"]:
            row, peak = floor["floor.c"], calls["floor.c"]
            print(f"\n`floor.c`: CPU {number(row['cpu'])}, wall {number(row['wall'])}, {peak['calls']} system calls.")
    print()

print("### Engines: milliseconds, medians\n")
print("| | berth | podman | docker | against podman | against docker |")
print("|---|---|---|---|---|---|")
titles = {"bridge": "`run --rm IMAGE true`, bridge", "none": "the same, no network", "exec": "`exec` of `true`", "ps": "`ps`"}
for kind, title in titles.items():
    rows = load(kind)
    cells = []
    for name in ["berth", "podman", "docker"]:
        row = rows.get(name)
        if row and "broken" in row: notes.append(f"{name}, {kind}: {row['broken']}")
        cells.append(number(row["wall"]) if row and "wall" in row else "–")
    ours = rows["berth"].get("wall")
    against = [f"{ours / rows[name]['wall']:.3f}" if ours and "wall" in rows.get(name, {}) else "–" for name in ["podman", "docker"]]
    print(f"| {title} | {' | '.join(cells)} | {' | '.join(against)} |")
if notes:
    print()
    for note in notes: print(f"- {' '.join(note.split())}")
