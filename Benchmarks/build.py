"""Times builds of the same files by all contenders in turns: build.py WORK DOCKER BUILDAH (the last two empty for "not there").
WORK is a directory with Berth's root `berth`, docker's socket `docker/sock` and buildah's storage, each holding base:1."""
import os, statistics, subprocess, sys, time

work, docker, buildah = sys.argv[1:4]
only = os.environ.get("ONLY", "").split()
cold_rounds, rounds = int(os.environ.get("COLD_ROUNDS", "7")), int(os.environ.get("ROUNDS", "15"))
limits = ["--ulimit", "nofile=20000:20000", "--ulimit", "nproc=1000:1000"]
contenders = {"berth": ["bin/berth", "--root", f"{work}/berth", "build", "-q", "--network", "none"]}
if docker:
    contenders["docker"] = ["/usr/bin/docker", "--host", f"unix://{work}/docker/sock", "build", "-q", "--network", "none"]
if buildah:
    contenders["buildah"] = ["buildah", "--root", f"{work}/buildah", "--runroot", f"{work}/buildah-run", "bud", "-q", "--layers",
                             "--runtime", "runc", "--network", "none", "--pull-never"] + limits
environment = dict(os.environ, DOCKER_BUILDKIT="1")

DOCKERFILE = """FROM base:1
ENV NAME=bench
WORKDIR /app
COPY lib lib
RUN find lib -type f | sort | xargs cat | md5sum > sum
RUN mkdir out; i=0; while [ $i -lt 50 ]; do i=$((i+1)); echo $i > out/$i; done
COPY conf conf
RUN sort conf/* > sorted
RUN i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; echo $i > count
COPY src src
CMD ["cat", "count"]
"""
SPIN = "RUN i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; echo {0} > /done{0}\n"


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def context(name):
    root = f"{work}/context-{name}"
    write(f"{root}/Dockerfile", DOCKERFILE)
    for directory, count in [("lib", 120), ("conf", 30), ("src", 49)]:
        for number in range(count):
            write(f"{root}/{directory}/{number % 7}/{number}" if directory == "lib" else f"{root}/{directory}/{number}",
                  f"{directory} {number}\n" * 40)
    return root


def build(name, root, *options):
    started = time.monotonic()
    done = subprocess.run(contenders[name] + list(options) + ["-t", "bench", root], env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    seconds = time.monotonic() - started
    if done.returncode:
        sys.exit(f"{name} could not build {root}: {done.stdout.decode(errors='replace')[-800:]}")
    return seconds * 1000


def turns(count, names, body):
    """Medians by contender; each round lets all of them take their turn."""
    times = {name: [] for name in names}
    for number in range(count):
        for name in names:
            times[name].append(body(name, number))
    return {name: statistics.median(values) for name, values in times.items()}


def show(title, target, medians, verdict):
    cells = [f"{medians[name]:,.0f} ms" if name in medians else "" for name in ("berth", "docker", "buildah")]
    print(f"| {title} | {' | '.join(cells)} | {target} | {verdict} |", flush=True)


def ratio(medians, peer, limit):
    if peer not in medians:
        return f"no {peer}"
    value = medians["berth"] / medians[peer]
    return f"{value:.2f} × {peer}{'' if value <= limit else ', MISSED'}"


def wanted(row):
    return not only or row in only


print("| | Berth | docker | buildah | target | |\n|---|---|---|---|---|---|", flush=True)
roots = {name: context(name) for name in contenders}
if wanted("cold"):
    medians = turns(cold_rounds, contenders, lambda name, _: build(name, roots[name], "--no-cache"))
    show("cold", "≤ 0.6 × docker, ≤ 0.4 × buildah", medians, ratio(medians, "docker", 0.6) + ", " + ratio(medians, "buildah", 0.4))
for name in contenders:
    build(name, roots[name])
if wanted("cached"):
    medians = turns(rounds, contenders, lambda name, _: build(name, roots[name]))
    late = "" if medians["berth"] <= 40 else ", MORE THAN 40 ms"
    show("all cached", "≤ 0.25 × docker, ≤ 40 ms", medians, ratio(medians, "docker", 0.25) + late)
if wanted("last"):
    def changed(name, number):
        write(f"{roots[name]}/src/0", f"changed {number} {time.time()}\n")
        return build(name, roots[name])
    medians = turns(rounds, contenders, changed)
    show("last COPY changed", "≤ 0.25 × docker", medians, ratio(medians, "docker", 0.25))
if wanted("stages"):
    two, one = f"{work}/two", f"{work}/one"
    write(f"{two}/Dockerfile", "FROM base:1 AS a\n" + SPIN.format(1) + "FROM base:1 AS b\n" + SPIN.format(2)
          + "FROM base:1\nCOPY --from=a /done1 /\nCOPY --from=b /done2 /\n")
    write(f"{one}/Dockerfile", "FROM base:1\n" + SPIN.format(1) + SPIN.format(2))
    both = [build("berth", two, "--no-cache") for _ in range(cold_rounds)]
    after = [build("berth", one, "--no-cache") for _ in range(cold_rounds)]
    value = statistics.median(both) / statistics.median(after)
    show("two independent stages", "≤ 0.6 × one after the other", {"berth": statistics.median(both)},
         f"{value:.2f} × {statistics.median(after):,.0f} ms{'' if value <= 0.6 else ', MISSED'}")
if wanted("files"):
    large = f"{work}/large"
    write(f"{large}/Dockerfile", "FROM base:1\nCOPY . /all\n")
    for number in range(20000):
        write(f"{large}/{number // 200}/{number}", f"{number}\n")
    names = [name for name in contenders if name != "buildah"]
    first = build("berth", large)
    time.sleep(2.1)  # Files of this very second are read again, since their times cannot tell of a later change.
    for name in names:
        build(name, large)
    medians = turns(max(3, rounds // 3), names, lambda name, _: build(name, large))
    show("20,000 files, unchanged", "≤ 300 ms", medians,
         f"{first:,.0f} ms at first{'' if medians['berth'] <= 300 else ', MISSED'}")
