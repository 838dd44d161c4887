#!/usr/bin/env python3
"""Measures OCI runtimes beside each other and prints one JSON document.

    runtimes.py BUNDLE WORK ROUNDS NAME=PROGRAM…

Every contender works in turns on the same bundle: `run`, `create` with `start` and `delete`, `exec`, and `run` with a seccomp
profile of 350 calls. Wall time and processor time (with children) are in milliseconds, medians.
"""
import json, os, statistics, subprocess, sys, time

bundle, work, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
programs = dict(word.split("=", 1) for word in sys.argv[4:])
base = json.load(open(f"{bundle}/config.json"))


def write(name, change):
    """A copy of the bundle with another configuration, the root file system shared."""
    path = f"{work}/bundle-{name}"
    os.makedirs(path, exist_ok=True)
    config = json.loads(json.dumps(base))
    config["root"]["path"] = os.path.join(bundle, base["root"]["path"])
    change(config)
    json.dump(config, open(f"{path}/config.json", "w"))
    return path


def sleeping(config): config["process"]["args"] = ["/bin/sleep", "1000"]


def filtered(config):
    allowed = []
    for entry in json.load(open("/usr/share/containers/seccomp.json"))["syscalls"]:
        if entry["action"] == "SCMP_ACT_ALLOW" and not (entry.get("includes") or {}).get("caps"):
            entry = {"names": entry["names"], "action": entry["action"], "args": entry.get("args") or []}
            for condition in entry["args"]: condition.setdefault("valueTwo", 0)
            allowed.append(entry)
    config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": allowed}


plain, sleeper, profile = write("plain", lambda c: None), write("sleeper", sleeping), write("profile", filtered)


class Failure(Exception): pass


def once(command):
    """Wall and processor time of one command."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    passed = time.perf_counter() - start
    process.returncode = status
    if status: raise Failure(f"{' '.join(command)}: status {os.waitstatus_to_exitcode(status)}")
    return passed * 1e3, (usage.ru_utime + usage.ru_stime) * 1e3


def several(commands):
    results = [once(command) for command in commands]
    return sum(r[0] for r in results), sum(r[1] for r in results)


kinds = {
    "run": lambda p, i: once(p + ["run", "--bundle", plain, i]),
    "lifecycle": lambda p, i: several([
        p + ["create", "--bundle", sleeper, i], p + ["start", i], p + ["delete", "--force", i]]),
    "exec": lambda p, i: once(p + ["exec", "bench-exec", "/bin/true"]),
    "seccomp": lambda p, i: once(p + ["run", "--bundle", profile, i]),
}
figures = {name: {kind: [] for kind in kinds} for name in programs}
broken = {}
words = {name: [program, "--root", f"{work}/root-{name}"] for name, program in programs.items()}
# One sleeper at a time: the contenders' groups have the same name.
for kind, measure in kinds.items():
    for turn in range(rounds + 3):
        # Each begins a round in turn: nobody always follows the contender that leaves the most for the kernel to put away.
        order = list(words.items())
        for name, command in order[turn % len(order):] + order[:turn % len(order)]:
            if (name, kind) in broken: continue
            try:
                if kind == "exec": once(command + ["create", "--bundle", sleeper, "bench-exec"]); once(command + ["start", "bench-exec"])
                try: result = measure(command, f"b-{os.getpid()}-{turn}")
                finally:
                    if kind == "exec": once(command + ["delete", "--force", "bench-exec"])
            except Failure as failure:
                broken[name, kind] = str(failure)
                continue
            if turn >= 3: figures[name][kind].append(result)
print(json.dumps({
    name: {kind: {"broken": broken[name, kind]} if (name, kind) in broken else {
        "wall": statistics.median(r[0] for r in rows), "best": min(r[0] for r in rows),
        "cpu": statistics.median(r[1] for r in rows)} for kind, rows in kinds.items()}
    for name, kinds in figures.items()}))
