#!/usr/bin/env python3
"""Builds the same Dockerfiles with Berth and with a peer and compares what comes out: names, kinds, modes, owners, link
targets, contents, configuration.

    compare-builds.py BERTH ROOT IMAGE.tar buildah [NAME ...]
    compare-builds.py BERTH ROOT IMAGE.tar docker:SOCKET [NAME ...]

ROOT is Berth's and holds the image busybox; IMAGE.tar is that image for the peer (`berth save`). With docker the daemon at
SOCKET builds with BuildKit. Ends with the number of differences.
"""
import hashlib, io, json, os, shutil, subprocess, sys, tarfile, tempfile

# Name, Dockerfile, files of the context: text, (text, mode), ("link", target), ("hard", name); "NAME/" is a directory.
CASES = [
("copy-dir", "FROM busybox\nCOPY d /x\n", {"d/a": "1", "d/s/b": "2", "d/l": ("link","a")}),
("copy-dir-slash", "FROM busybox\nCOPY d/ /x/\n", {"d/a": ("1",0o755), "d/s/b": "2"}),
("copy-file", "FROM busybox\nCOPY f /x\nCOPY f /y/\nCOPY f /z/w/v\n", {"f": ("1",0o600)}),
("copy-wild", "FROM busybox\nCOPY *.t d* /x/\n", {"a.t":"1","b.t":"2","da/x":"3","db/y":"4","c":"5"}),
("copy-chown", "FROM busybox\nCOPY --chown=5:6 d /x\nCOPY --chown=7 f /y/\nCOPY --chmod=751 f /z\n", {"d/a":"1","f":"2"}),
("copy-name-owner", "FROM busybox\nCOPY --chown=root:root f /y\n", {"f":"2"}),
("workdir-rel", "FROM busybox\nWORKDIR /a\nWORKDIR b\nCOPY f .\nCOPY f ../c/\n", {"f":"2"}),
("workdir-user", "FROM busybox\nUSER 5:6\nWORKDIR /w/v\nRUN id > /tmp/id\n", {}),
("run-env", "FROM busybox\nARG A=1\nENV B=$A-2\nRUN echo $A $B > /o\n", {}),
("run-exec", "FROM busybox\nRUN [\"sh\",\"-c\",\"echo $HOME > /o\"]\n", {}),
("run-rm", "FROM busybox\nRUN rm -rf /home && mkdir /home && rm /etc/passwd\n", {}),
("run-perm", "FROM busybox\nRUN touch /a && chmod 4755 /a && chown 3:4 /a && ln /a /b && ln -s a /c && mkfifo /p\n", {}),
("run-volume", "FROM busybox\nVOLUME /v\nRUN echo x > /v/f\n", {}),
("multi", "FROM busybox AS a\nRUN echo 1 > /f && chown 9:9 /f\nFROM busybox\nCOPY --from=a /f /g\nCOPY --from=0 /f /h/\n", {}),
("stage-from", "FROM busybox AS a\nENV X=1\nFROM a\nRUN echo $X > /o\n", {}),
("scratch", "FROM scratch\nCOPY f /\nCOPY d /d\nCMD [\"/f\"]\n", {"f":("1",0o755),"d/e":"3"}),
("ignore", "FROM busybox\nCOPY . /x\n", {".dockerignore":"*.log\n!keep.log\nd\n!d/in\n","a.log":"1","keep.log":"2","d/in":"3","d/out":"4","e/f":"5"}),
("add-tar", "FROM busybox\nADD t.tar /x\nADD t.tar.gz /y/\nCOPY t.tar /z\n", {"t.tar": "TAR", "t.tar.gz":"TGZ"}),
("heredoc-free", "FROM busybox\nRUN echo one \\\n  two \\\n # c\n  three > /o\n", {}),
("json-copy", "FROM busybox\nCOPY [\"a b\", \"/x y/\"]\n", {"a b":"1"}),
("link-dst", "FROM busybox\nRUN mkdir /real && ln -s real /lnk\nCOPY f /lnk/\n", {"f":"1"}),
("link-src", "FROM busybox\nCOPY l /x\n", {"f":"1","l":("link","f")}),
("dir-over", "FROM busybox\nRUN mkdir -p /x/s && echo o > /x/s/b && echo k > /x/k && chmod 700 /x/s\nCOPY d /x\n", {"d/s/b":"2"}),
("config", "FROM busybox\nLABEL a=b c=\"d e\"\nEXPOSE 80 81/udp\nVOLUME /v /w\nUSER me\nWORKDIR /q\nSTOPSIGNAL 9\nENTRYPOINT [\"e\"]\nCMD [\"c\"]\nHEALTHCHECK --interval=3s CMD x y\nONBUILD RUN z\nSHELL [\"/bin/sh\",\"-x\",\"-c\"]\nMAINTAINER m\n", {}),
("cmd-shell", "FROM busybox\nCMD echo hi\n", {}),
("ep-reset", "FROM busybox\nCMD [\"a\"]\nENTRYPOINT b c\n", {}),
("env-forms", "FROM busybox\nENV a=\"x y\" b='$a' c=d\\ e\nENV f g h\nRUN env | grep -E '^[a-f]=' | sort > /o\n", {}),
("subst", "FROM busybox\nENV a=b\nENV c=${a:-x}${n:-y}${a:+z}\nWORKDIR /w/${c}\nCOPY ${a} ${a}\n", {"b":"1"}),
("dotfiles", "FROM busybox\nCOPY . /x/\n", {".h":"1","d/.i":"2"}),
("empty-dir", "FROM busybox\nCOPY d /x\n", {"d/e/": None, "d/f":"1"}),
("perm-dir", "FROM busybox\nCOPY d /x\nCOPY d /y/\n", {"d/": 0o700, "d/f":("1",0o640)}),
("copy-root", "FROM busybox\nCOPY . /\n", {"etc/new":"1","newf":"2"}),
("run-tmp", "FROM busybox\nRUN echo a > /tmp/x; echo b > /dev/shm/y; ls /proc/1 >/dev/null\n", {}),
("run-resolv", "FROM busybox\nRUN test -s /etc/hosts && cat /etc/resolv.conf > /dev/null\n", {}),
("hardlink-ctx", "FROM busybox\nCOPY d /x\n", {"d/a":"1","d/b":("hard","d/a")}),
("whiteout-dir", "FROM busybox\nRUN mkdir -p /q/a && echo 1 > /q/a/f\nRUN rm -r /q/a && mkdir /q/a && echo 2 > /q/a/g\n", {}),
("rename", "FROM busybox\nRUN mkdir -p /q/a && echo 1 > /q/a/f\nRUN mv /q/a /q/b\n", {}),
("chmod-dir", "FROM busybox\nRUN chmod 711 /etc\nRUN chown 4:5 /home\n", {}),
("user-run", "FROM busybox\nRUN mkdir /u && chown 7:8 /u\nUSER 7:8\nWORKDIR /u\nRUN echo x > f\nCOPY f g\n", {"f":"1"}),
("big-env", "FROM busybox\nENV PATH=/bin:/x FOO=bar\nRUN echo $PATH > /o\n", {}),

("wd-user2", "FROM busybox\nUSER 5:6\nWORKDIR /w/v\n", {}),
("wd-noname", "FROM busybox\nUSER nosuch\nWORKDIR /w/v\n", {}),
("chown-noname", "FROM busybox\nCOPY --chown=nosuch f /w/v\n", {"f":"1"}),
("stage-dir", "FROM busybox AS a\nRUN mkdir -p /d/s && chown 9:9 /d /d/s && chmod 750 /d /d/s && echo 1 > /d/s/f\nFROM busybox\nCOPY --from=a /d /x\nCOPY --from=a /d /y/\nCOPY --from=a --chown=3:4 /d /z\n", {}),
("stage-setuid", "FROM busybox AS a\nRUN cp /bin/busybox /b && chmod 6755 /b && ln -s /b /l\nFROM busybox\nCOPY --from=a /b /l /x/\n", {}),
("many-nodir", "FROM busybox\nCOPY a b /x\n", {"a":"1","b":"2"}),
("wild-nodir", "FROM busybox\nCOPY *.q /x\n", {"a.q":"1","b.q":"2"}),
("dir-over-file", "FROM busybox\nRUN echo 1 > /x\nCOPY d /x\n", {"d/a":"1"}),
("dir-over-link", "FROM busybox\nRUN mkdir -p /t /x && ln -s /t /x/s\nCOPY d /x\n", {"d/s/a":"1"}),
("file-over-dir", "FROM busybox\nRUN mkdir -p /x/a/b\nCOPY d /x\n", {"d/a":"1"}),
("file-over-link", "FROM busybox\nRUN mkdir -p /x && echo o > /t && ln -s /t /x/a\nCOPY d /x\n", {"d/a":"1"}),
("file-to-link", "FROM busybox\nRUN echo o > /t && ln -s /t /x\nCOPY a /x\n", {"a":"1"}),
("dir-to-link", "FROM busybox\nRUN mkdir /t && ln -s /t /x\nCOPY d /x\n", {"d/a":"1"}),
("dangling", "FROM busybox\nRUN ln -s /none/q /x\nCOPY a /x/\n", {"a":"1"}),
("none", "FROM busybox\nCOPY nothing /x\n", {"a":"1"}),
("none-wild", "FROM busybox\nCOPY nothing* /x/\n", {"a":"1"}),
("ignored-one", "FROM busybox\nCOPY a /x\n", {"a":"1",".dockerignore":"a"}),
("ignored-wild", "FROM busybox\nCOPY a* /x/\n", {"a":"1",".dockerignore":"a"}),
("dotdot", "FROM busybox\nCOPY ../../a /x\n", {"a":"1"}),
("escape-link", "FROM busybox\nCOPY l /x\n", {"a":"1","l":("link","/etc/hostname")}),
("escape-link2", "FROM busybox\nCOPY l/a /x\n", {"d/a":"1","l":("link","../../../d")}),
("link-in-dir", "FROM busybox\nCOPY d /x\n", {"d/l":("link","/etc/passwd"),"d/m":("link","gone")}),
("link-dir", "FROM busybox\nCOPY l /x\n", {"d/a":"1","l":("link","d")}),
("no-dst", "FROM busybox\nWORKDIR /q\nCOPY a .\nCOPY a ./\nCOPY a ./b\nCOPY d .\n", {"a":"1","d/e":"2"}),
("add-dir", "FROM busybox\nADD d /x\nADD a /y/\n", {"a":"1","d/e":"2"}),
("add-chown", "FROM busybox\nADD --chown=8:9 t.tar /x/\n", {"t.tar":"TAR"}),
("run-user", "FROM busybox\nUSER www\nRUN id -u > /tmp/o; echo $HOME > /tmp/h; pwd > /tmp/p\n", {}),
("run-arg-order", "FROM busybox\nARG A=1\nARG A=2\nENV A=3\nARG A=4\nRUN echo $A > /o\n", {}),
("run-quote", "FROM busybox\nRUN echo \"a  b\" 'c $HOME' \\\\ > /o\n", {}),
("continuation-cmt", "FROM busybox\nRUN echo a && \\\n# x\n\n echo b > /o\n", {}),
("shell-form", "FROM busybox\nSHELL [\"/bin/sh\",\"-e\",\"-c\"]\nRUN echo $- > /o\nCMD x\n", {}),
("onbuild-base", "FROM busybox AS p\nONBUILD RUN echo t > /t\nFROM p\nRUN echo u > /u\n", {}),
("env-override", "FROM busybox\nENV a=1 b=$a\nENV a=2 c=$a\nRUN echo $a$b$c > /o\n", {}),
("label-multi", "FROM busybox\nLABEL a=1 \\\n b=\"2 3\" \\\n c='4'\nLABEL old style value\n", {}),
("expose-range", "FROM busybox\nEXPOSE 10-12 9/UDP\n", {}),
("vol-json", "FROM busybox\nVOLUME [\"/a b\", \"/c\"]\n", {}),
("user-env", "FROM busybox\nARG u=4\nUSER $u\nRUN id -u > /tmp/o\n", {}),
("umask", "FROM busybox\nRUN umask > /o; ulimit -c > /dev/null\nCOPY d /x\n", {"d/a":("1",0o666), "d/b":("2",0o777)}),
("sticky", "FROM busybox\nCOPY d /x\n", {"d/s/": 0o1777, "d/t/": 0o2755, "d/u": ("1",0o4711)}),
("touch-parent", "FROM busybox\nCOPY f /usr/share/n/f\n", {"f":"1"}),
("cmd-inherit", "FROM busybox AS a\nCMD [\"x\"]\nFROM a\nENTRYPOINT [\"y\"]\n", {}),

("parents-dir", "# syntax=x\nFROM busybox\nCOPY f /x\n", {"f":"1"}),
("run-cd", "FROM busybox\nWORKDIR /a/b\nRUN cd .. && pwd > p && touch q\n", {}),
("run-symlink-dir", "FROM busybox\nRUN ln -s /usr /u && touch /u/new\n", {}),
("copy-many", "FROM busybox\nCOPY a b d /x/\n", {"a":"1","b":"2","d/e":"3"}),
("copy-dot-dst", "FROM busybox\nWORKDIR /w\nCOPY d/../a .\n", {"a":"1","d/e":"3"}),
("copy-abs-src", "FROM busybox\nCOPY /a /x\n", {"a":"1"}),
("copy-ctx-root", "FROM busybox\nCOPY / /x/\n", {"a":"1"}),
("copy-trailing", "FROM busybox\nCOPY d/. /x/.\n", {"d/a":"1"}),
("dir-mode", "FROM busybox\nRUN mkdir -m 700 /p\nCOPY f /p/q/r/f\n", {"f":"1"}),
("chown-exist", "FROM busybox\nRUN mkdir /p\nCOPY --chown=4:4 d /p\n", {"d/a":"1","d/s/b":"2"}),
("nested-exist", "FROM busybox\nRUN mkdir -p /p/s && chmod 700 /p/s && chown 8:8 /p/s\nCOPY d /p\n", {"d/s/b":"2"}),
("ignore-q", "FROM busybox\nCOPY . /x\n", {".dockerignore":"f?\n[ab]*\n!b2\n**/z\nq/**/w\n","f1":"","f22":"","a1":"","b2":"","c/z":"","z":"","q/w":"","q/r/w":"","q/r/v":""}),
("ignore-neg-dir", "FROM busybox\nCOPY . /x\n", {".dockerignore":"*\n!src\nsrc/t\n!src/t/keep\n","src/a":"","src/t/b":"","src/t/keep":"","o":""}),
("ignore-slash", "FROM busybox\nCOPY . /x\n", {".dockerignore":"/a\nb/\n./c\n","a":"","b/x":"","c":"","d/a":""}),
("env-empty", "FROM busybox\nENV A= B=\"\"\nRUN echo \"[$A$B]\" > /o; env | grep -c '^A=' >> /o\n", {}),
("arg-default-env", "FROM busybox\nENV X=e\nARG X=a\nRUN echo $X > /o\n", {}),
("user-name-group", "FROM busybox\nUSER www:root\nRUN id -g > /tmp/o\n", {}),
("cmd-json-esc", "FROM busybox\nCMD [\"a\\\"b\", \"c\\\\d\"]\n", {}),
("run-special", "FROM busybox\nRUN mkdir /r && echo x > '/r/a b' && echo y > \"/r/é\" && ln -s 'a b' /r/l\n", {}),
("run-rmdir-re", "FROM busybox\nRUN rm -rf /var && mkdir /var\nRUN echo 1 > /var/f\n", {}),
("run-mv-file", "FROM busybox\nRUN mv /etc/origin /etc/o2\n", {}),
("run-append", "FROM busybox\nRUN echo more >> /etc/origin\n", {}),
]

# Where buildah 1.28 does something else than BuildKit (docs/build.md), or cannot do it.
BUILDAH_DIFFERS = {
    "workdir-user", "run-volume", "config", "wd-user2", "wd-noname", "many-nodir", "wild-nodir", "dir-over-link", "file-over-dir",
    "file-to-link", "none-wild", "ignored-wild", "add-chown", "run-arg-order", "shell-form", "onbuild-base", "expose-range",
    "sticky", "arg-default-env",
}
# Where Berth is stricter than BuildKit, and what needs a network there.
DOCKER_DIFFERS = {"chown-noname", "many-nodir", "wild-nodir", "parents-dir", "scratch"}

berth, root, archive, peer = sys.argv[1:5]
only = sys.argv[5:]
work = tempfile.mkdtemp(prefix="berth-compare-", dir="/var/tmp")
BERTH = [berth, "--root", root]
BUILDAH = ["buildah", "--root", work + "/ba/root", "--runroot", work + "/ba/run", "--storage-driver", "vfs"]
DOCKER = ["/usr/bin/docker", "-H", "unix://" + peer.partition(":")[2]]


def run(command, **more):
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=120, **more)


def archive_bytes(mode):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as tar:
        for name, content in [("in/a", "1"), ("in/b/c", "22")]:
            entry = tarfile.TarInfo(name)
            entry.size, entry.uid, entry.gid, entry.mode, entry.mtime = len(content), 3, 4, 0o640, 1000
            tar.addfile(entry, io.BytesIO(content.encode()))
    return data.getvalue()


def make(directory, files):
    os.makedirs(directory)
    for name, value in files.items():
        path = os.path.join(directory, name)
        if name.endswith("/"):
            os.makedirs(path, exist_ok=True)
            if value:
                os.chmod(path, value)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        mode = 0o644
        if isinstance(value, tuple):
            if value[0] == "link":
                os.symlink(value[1], path)
                continue
            if value[0] == "hard":
                os.link(os.path.join(directory, value[1]), path)
                continue
            value, mode = value
        data = archive_bytes("w") if value == "TAR" else archive_bytes("w:gz") if value == "TGZ" else value.encode()
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)


def listing(path):
    result = {}
    kinds = {tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l", tarfile.LNKTYPE: "f", tarfile.REGTYPE: "f", tarfile.FIFOTYPE: "p"}
    with tarfile.open(path) as tar:
        for entry in tar:
            name = entry.name.strip("/").removeprefix("./")
            if name in ("", "."):
                continue
            kind = kinds.get(entry.type, str(entry.type))
            content = hashlib.sha1(tar.extractfile(entry).read()).hexdigest()[:8] if entry.isreg() or entry.islnk() else ""
            result[name] = (
                kind, oct(entry.mode & 0o7777) if kind != "l" else "", entry.uid, entry.gid,
                entry.linkname if kind == "l" else "", content)
    return result


def build_berth(name, directory):
    made = run(BERTH + ["build", "-t", "c-" + name, directory])
    if made.returncode:
        return None
    run(BERTH + ["build", "-o", "type=tar,dest=" + work + "/a.tar", directory])
    return json.loads(run(BERTH + ["image", "inspect", "c-" + name]).stdout)[0]["Config"]


def build_buildah(name, directory):
    made = run(BUILDAH + ["bud", "--isolation", "chroot", "--layers", "-q", "-t", "c-" + name, directory])
    if made.returncode:
        return None
    run(BUILDAH + ["from", "--name", "w-" + name, "c-" + name])
    mounted = run(BUILDAH + ["mount", "w-" + name]).stdout.decode().strip()
    run(["tar", "-C", mounted, "-cf", work + "/b.tar", "--numeric-owner", "."])
    run(BUILDAH + ["rm", "w-" + name])
    config = json.loads(run(BUILDAH + ["inspect", "--type", "image", "c-" + name]).stdout)["OCIv1"]["config"]
    (config.get("Labels") or {}).pop("io.buildah.version", None)
    config["WorkingDir"] = config.get("WorkingDir") or "/"
    return config


def build_docker(name, directory):
    made = run(DOCKER + ["build", "--network", "none", "-t", "c-" + name, directory], env=dict(os.environ, DOCKER_BUILDKIT="1"))
    if made.returncode:
        return None
    container = run(DOCKER + ["create", "c-" + name, "x"]).stdout.decode().strip()
    run(DOCKER + ["export", "-o", work + "/b.tar", container])
    run(DOCKER + ["rm", container])
    config = json.loads(run(DOCKER + ["image", "inspect", "c-" + name]).stdout)[0]["Config"]
    # The BuildKit of Docker 20.10 leaves it empty where no WORKDIR stands; newer ones do not.
    config["WorkingDir"] = config.get("WorkingDir") or "/"
    return config


def compare(name, ours, theirs):
    a, b = listing(work + "/a.tar"), listing(work + "/b.tar")
    # Names that the peers make for their mounts.
    for stub in ["etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab", ".dockerenv", "dev/shm", "dev/pts", "dev/console"]:
        if stub not in a:
            b.pop(stub, None)
    lines = [f"{key}: {a.get(key)} {b.get(key)}" for key in sorted(set(a) | set(b)) if a.get(key) != b.get(key)]
    for key in ["Env", "Cmd", "Entrypoint", "WorkingDir", "User", "Volumes", "ExposedPorts", "Labels", "StopSignal"]:
        if (ours.get(key) or None) != (theirs.get(key) or None):
            lines.append(f"{key}: {ours.get(key)} {theirs.get(key)}")
    return lines


bad = 0
try:
    docker = peer.startswith("docker")
    if docker:
        run(DOCKER + ["load", "-i", archive])
    else:
        run(BUILDAH + ["pull", "docker-archive:" + archive])
    for name, dockerfile, files in CASES:
        if only and name not in only or name in (DOCKER_DIFFERS if docker else BUILDAH_DIFFERS):
            continue
        directory = work + "/" + name
        make(directory, files)
        with open(directory + "/Dockerfile", "w") as file:
            file.write(dockerfile)
        ours, theirs = build_berth(name, directory), (build_docker if docker else build_buildah)(name, directory)
        if (ours is None) != (theirs is None):
            lines = [f"fails with {'berth' if ours is None else 'the peer'} only"]
        else:
            lines = compare(name, ours, theirs) if ours is not None else []
        print("ok" if not lines else "DIFFERENT", name)
        for line in lines:
            print("   ", line)
        bad += bool(lines)
finally:
    shutil.rmtree(work, ignore_errors=True)
print(bad, "different")
sys.exit(min(bad, 100))
