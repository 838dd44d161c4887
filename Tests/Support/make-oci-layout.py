#!/usr/bin/env python3
"""make-oci-layout.py OUT [LAYER.tar ...] [--compression gzip|zstd|none] [--layers N --size BYTES] [--index]

Writes an OCI image layout with one image, tagged "latest": of the tars given, or of N layers of SIZE random bytes in a
few files each. The same arguments give the same bytes."""
import argparse, gzip, hashlib, io, json, os, random, subprocess, sys, tarfile

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("tars", nargs="*")
parser.add_argument("--compression", default="gzip")
parser.add_argument("--layers", type=int, default=0)
parser.add_argument("--size", type=int, default=100_000)
parser.add_argument("--seed", default="berth")
parser.add_argument("--index", action="store_true", help="put the manifest into an index with a second platform's")
parser.add_argument("--exact", action="store_true", help="tars end with their end marker, without padding")
parser.add_argument("--cmd", default="sh")
options = parser.parse_args()

blobs = os.path.join(options.out, "blobs/sha256")
os.makedirs(blobs, exist_ok=True)

def put(data):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(blobs, digest), "wb") as file:
        file.write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}

def compress(data):
    if options.compression == "gzip":
        return gzip.compress(data, 6, mtime=0), "+gzip"
    if options.compression == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout, "+zstd"
    return data, ""

def random_layer(number):
    source = random.Random(f"{options.seed}/{number}")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        directory = tarfile.TarInfo(f"layer{number}")
        directory.type, directory.mode, directory.mtime = tarfile.DIRTYPE, 0o755, 1700000000
        tar.addfile(directory)
        for index in range(4):
            info = tarfile.TarInfo(f"layer{number}/file{index}")
            content = source.randbytes(options.size // 4)
            info.size, info.mode, info.mtime = len(content), 0o644, 1700000000
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()

tars = [open(path, "rb").read() for path in options.tars] + [random_layer(n) for n in range(options.layers)]
if options.exact:
    for place, data in enumerate(tars):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            end = max(((member.offset_data + (member.size if member.isreg() else 0) + 511) // 512 * 512 for member in tar), default=0)
        tars[place] = data[:end] + bytes(1024)
layers, diffs = [], []
for tar in tars:
    diffs.append("sha256:" + hashlib.sha256(tar).hexdigest())
    data, suffix = compress(tar)
    layers.append({"mediaType": "application/vnd.oci.image.layer.v1.tar" + suffix, **put(data)})

def manifest(architecture):
    config = json.dumps({
        "created": "2023-11-14T22:13:20Z", "architecture": architecture, "os": "linux",
        "config": {"Cmd": [options.cmd], "Env": ["PATH=/bin:/sbin:/usr/bin:/usr/sbin"]},
        "rootfs": {"type": "layers", "diff_ids": diffs},
        "history": [{"created_by": f"layer {n}"} for n in range(len(diffs))],
    }).encode()
    document = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **put(config)}, "layers": layers,
    }).encode()
    return {"mediaType": "application/vnd.oci.image.manifest.v1+json", **put(document),
            "platform": {"architecture": architecture, "os": "linux"}}

machine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
top = manifest(machine)
if options.index:
    other = "arm64" if machine == "amd64" else "amd64"
    document = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [top, manifest(other)]}).encode()
    top = {"mediaType": "application/vnd.oci.image.index.v1+json", **put(document)}
top["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
with open(os.path.join(options.out, "index.json"), "w") as file:
    json.dump({"schemaVersion": 2, "manifests": [top]}, file)
with open(os.path.join(options.out, "oci-layout"), "w") as file:
    file.write('{"imageLayoutVersion":"1.0.0"}')
print(top["digest"])
