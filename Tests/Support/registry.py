#!/usr/bin/env python3
"""registry.py LAYOUT [options]: a small registry that serves an OCI layout (every repository name has its images), takes
pushes, asks for credentials in every way, and misbehaves on demand. Prints its port, then logs one line a request to
standard output. Ends with its standard input."""
import argparse, base64, hashlib, http.server, json, os, re, socketserver, ssl, sys, threading, time, urllib.parse

parser = argparse.ArgumentParser()
parser.add_argument("layout")
parser.add_argument("--auth", default="none", choices=["none", "basic", "token"])
parser.add_argument("--user", default="user:secret")
parser.add_argument("--realm", default="")
parser.add_argument("--token-uses", type=int, default=1 << 30, help="requests that one token is good for")
parser.add_argument("--identity", default="", help="refresh token that is taken by POST")
parser.add_argument("--fault", default="")
parser.add_argument("--redirect", default="", help="blobs are at this origin")
parser.add_argument("--busy", type=int, default=0, help="so many requests get 429 first")
parser.add_argument("--cut", type=int, default=0, help="blobs' connections end after so many bytes")
parser.add_argument("--rate", type=int, default=0, help="bytes a second of blobs")
parser.add_argument("--no-range", action="store_true")
parser.add_argument("--tls", default="", help="CERTIFICATE:KEY[:CLIENT-CA]")
parser.add_argument("--referrers", action="store_true", help="knows the referrers API and subjects")
parser.add_argument("--catalog", default="", help="names of repositories, which come two a page")
options = parser.parse_args()

blobs = os.path.join(options.layout, "blobs/sha256")
os.makedirs(blobs, exist_ok=True)
index_path = os.path.join(options.layout, "index.json")
tags, types, lock = {}, {}, threading.Lock()
tokens, uploads, busy = {}, {}, [options.busy]
if os.path.exists(index_path):
    for entry in json.load(open(index_path))["manifests"]:
        name = entry.get("annotations", {}).get("org.opencontainers.image.ref.name", "latest")
        tags[name] = entry["digest"]
        types[entry["digest"]] = entry["mediaType"]
        if "index" in entry["mediaType"]:
            for child in json.load(open(os.path.join(blobs, entry["digest"][7:])))["manifests"]:
                types[child["digest"]] = child["mediaType"]

def log(text):
    with lock:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()

def hostile_manifest(fault, data):
    document = json.loads(data)
    if fault == "manifest-huge":
        return b"{" + b" " * (5 << 20) + data[1:]
    if fault == "manifest-html":
        return b"<!DOCTYPE html><html><body>Please log in</body></html>"
    if fault == "manifest-deep":
        return b'{"schemaVersion":2,"a":' + b"[" * 100000 + b"]" * 100000 + b"}"
    if fault == "manifest-other":
        return data + b" "
    if fault == "layer-size":
        document["layers"][0]["size"] += 1
    if fault == "layer-size-huge":
        document["layers"][0]["size"] = 1 << 60
    if fault == "layer-digest":
        document["layers"][0]["digest"] = "sha256:" + "0" * 64
    if fault == "config-size":
        document["config"]["size"] = 1 << 40
    if fault == "layer-type":
        document["layers"][0]["mediaType"] = "application/x-shell"
    if fault == "layers-many":
        document["layers"] = document["layers"] * 10000
    if fault == "two-in-one":
        document["manifests"] = []
    if fault == "schema1":
        document = {"schemaVersion": 1, "name": "x", "fsLayers": []}
    if fault == "artifact":
        document["config"]["mediaType"] = "application/vnd.oci.empty.v1+json"
    return json.dumps(document).encode()

def nested(depth):
    """Indexes inside indexes; the innermost points at nothing."""
    data = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}).encode()
    for _ in range(depth):
        open(os.path.join(blobs, digest(data)[7:]), "wb").write(data)
        types[digest(data)] = "application/vnd.oci.image.index.v1+json"
        data = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
            {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest(data), "size": len(data)}]}).encode()
    return data

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", headers=(), length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code, headers=()):
        self.answer(status, json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode(),
                    [("Content-Type", "application/json"), *headers])

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while True:
                size = int(self.rfile.readline(), 16)
                chunk = self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    return data
                data += chunk
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def authorized(self, scope):
        given = self.headers.get("Authorization", "")
        origin = ("https://" if options.tls else "http://") + self.headers.get("Host", "")
        if options.auth == "basic":
            if given == "Basic " + base64.b64encode(options.user.encode()).decode():
                return True
            challenge = 'Basic realm="test"'
        elif options.auth == "token":
            token = given.removeprefix("Bearer ")
            with lock:
                if tokens.get(token, 0) > 0:
                    tokens[token] -= 1
                    return True
            realm = options.realm or origin + "/token"
            challenge = f'Bearer realm="{realm}",service="test",scope="{scope}"'
            if given:
                challenge += ',error="invalid_token"'
        else:
            return True
        self.body()
        self.error(401, "UNAUTHORIZED", [("WWW-Authenticate", challenge)])
        return False

    def token(self, query):
        given = self.headers.get("Authorization", "")
        if self.command == "POST":
            form = urllib.parse.parse_qs(self.body().decode())
            if form.get("refresh_token") != [options.identity]:
                return self.error(401, "UNAUTHORIZED")
        elif given != "Basic " + base64.b64encode(options.user.encode()).decode():
            return self.error(401, "UNAUTHORIZED")
        with lock:
            value = f"token{len(tokens)}"
            tokens[value] = options.token_uses
        self.answer(200, json.dumps({"access_token": value, "expires_in": 300}).encode())

    def handle_one(self):
        path, _, text = self.path.partition("?")
        query = urllib.parse.parse_qs(text)
        authorization = "yes" if self.headers.get("Authorization") else "no"
        log(f"{self.command} {self.path} authorization={authorization} range={self.headers.get('Range', '-')}")
        if options.fault == "silent":
            time.sleep(600)
        if options.fault == "headers":
            return self.answer(200, b"{}", [("X-Long", "x" * 300000)])
        if options.fault == "garbage":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n" * 20)
            self.close_connection = True
            return None
        if path == "/token":
            return self.token(query)
        with lock:
            wait = path != "/v2/" and busy[0] > 0
            busy[0] -= wait
        if wait:
            self.body()
            return self.error(429, "TOOMANYREQUESTS", [("Retry-After", "1")])
        match = re.fullmatch(r"/v2/(.+)/(manifests|blobs|tags|referrers)/(.*)", path)
        name = match[1] if match else ""
        if not self.authorized(f"repository:{name}:pull,push" if name else ""):
            return None
        if path == "/v2/":
            return self.answer(200, b"{}")
        if path == "/v2/_catalog":
            names = [name for name in options.catalog.split(",") if name]
            if not names:
                return self.error(404, "NOT_FOUND")
            start = names.index(query["last"][0]) + 1 if "last" in query else 0
            page = names[start:start + 2]
            link = [("Link", f'</v2/_catalog?last={page[-1]}&n=2>; rel="next"')] if names[start + 2:] else []
            return self.answer(200, json.dumps({"repositories": page}).encode(), link)
        if not match:
            return self.error(404, "NOT_FOUND")
        kind, rest = match[2], match[3]
        if kind == "tags":
            return self.answer(200, json.dumps({"name": name, "tags": sorted(tags)}).encode())
        if kind == "manifests":
            return self.put_manifest(rest) if self.command == "PUT" else self.get_manifest(rest)
        if kind == "referrers":
            return self.referrers(rest) if options.referrers else self.error(404, "NOT_FOUND")
        if self.command in ("POST", "PATCH", "PUT") or rest.startswith("uploads/"):
            return self.upload(name, rest, query)
        return self.get_blob(rest)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one

    def do_CONNECT(self):
        """As a proxy it is the other end itself: what comes through the tunnel is answered here."""
        log(f"CONNECT {self.path}")
        self.send_response(200)
        self.end_headers()

    def get_manifest(self, rest):
        wanted = rest if rest.startswith("sha256:") else tags.get(rest)
        path = os.path.join(blobs, (wanted or "x")[7:])
        if not wanted or not os.path.exists(path):
            return self.error(404, "MANIFEST_UNKNOWN")
        data = open(path, "rb").read()
        kind, said = types.get(wanted, "application/vnd.oci.image.manifest.v1+json"), wanted
        if options.fault == "nested" and not rest.startswith("sha256:"):
            data = nested(12)
            kind, said = "application/vnd.oci.image.index.v1+json", digest(data)
        elif options.fault and options.fault != "nested":
            changed = hostile_manifest(options.fault, data)
            if changed != data and options.fault != "manifest-other":
                said = digest(changed)
            data = changed
            if options.fault == "manifest-html":
                kind = "text/html"
        return self.answer(200, data, [("Content-Type", kind), ("Docker-Content-Digest", said)])

    def put_manifest(self, rest):
        data = self.body()
        open(os.path.join(blobs, digest(data)[7:]), "wb").write(data)
        types[digest(data)] = self.headers["Content-Type"]
        if not rest.startswith("sha256:"):
            tags[rest] = digest(data)
        subject = json.loads(data).get("subject", {}).get("digest")
        said = [("OCI-Subject", subject)] if options.referrers and subject else []
        self.answer(201, b"", [("Docker-Content-Digest", digest(data)), *said])

    def referrers(self, subject):
        found = []
        for name in os.listdir(blobs):
            data = open(os.path.join(blobs, name), "rb").read()
            document = json.loads(data) if data.startswith(b"{") else {}
            if document.get("subject", {}).get("digest") == subject:
                found.append({"mediaType": document["mediaType"], "digest": "sha256:" + name, "size": len(data),
                              "artifactType": document.get("artifactType", "")})
        index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": found}
        self.answer(200, json.dumps(index).encode(), [("Content-Type", index["mediaType"])])

    def get_blob(self, rest):
        path = os.path.join(blobs, rest[7:])
        if not os.path.exists(path):
            return self.error(404, "BLOB_UNKNOWN")
        fault = options.fault
        if options.redirect or fault in ("redirect-loop", "redirect-file"):
            target = {"redirect-loop": self.path, "redirect-file": "file:///etc/passwd"}.get(fault, options.redirect + self.path)
            return self.answer(307, b"", [("Location", target)])
        data = open(path, "rb").read()
        is_layer = not data.startswith(b"{")
        if fault == "blob-html":
            return self.answer(200, b"<html><body>Sign in</body></html>", [("Content-Type", "text/html")])
        if fault == "blob-wrong" and is_layer:
            data = bytes(len(data))
        if fault == "blob-flip" and is_layer:
            data = data[:-1] + bytes([data[-1] ^ 1])
        if fault == "blob-half" and is_layer:
            return self.answer(200, data[: len(data) // 2])
        if fault == "blob-half-close" and is_layer:
            self.close_connection = True
            return self.answer(200, data[: len(data) // 2], length=len(data))
        if fault == "blob-long" and is_layer:
            return self.answer(200, data + b"x" * 100)
        if fault == "blob-endless" and is_layer:
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            while True:
                self.wfile.write(data)
        status, headers, start = 200, [("Content-Type", "application/octet-stream")], 0
        if self.headers.get("Range") and not options.no_range:
            start = int(re.match(r"bytes=(\d+)-", self.headers["Range"])[1])
            if fault == "range-wrong":
                start = 0
            status = 206
            headers.append(("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}"))
        part = data[start:]
        if self.command == "HEAD":
            return self.answer(status, part, headers)
        if fault == "drip" and is_layer:
            self.send_response(status)
            for header in headers:
                self.send_header(*header)
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            for byte in part:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.2)
            return None
        if options.cut and is_layer and len(part) > options.cut:
            self.close_connection = True
            return self.answer(status, part[: options.cut], headers, length=len(part))
        if options.rate and is_layer:
            self.send_response(status)
            for header in headers:
                self.send_header(*header)
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            step = max(options.rate // 20, 1)
            for place in range(0, len(part), step):
                self.wfile.write(part[place:place + step])
                time.sleep(0.05)
            return None
        return self.answer(status, part, headers)

    def upload(self, name, rest, query):
        if self.command == "POST":
            self.body()
            mount = query.get("mount", [""])[0]
            if mount and os.path.exists(os.path.join(blobs, mount[7:])):
                return self.answer(201, b"", [("Location", f"/v2/{name}/blobs/{mount}")])
            with lock:
                number = str(len(uploads))
                uploads[number] = b""
            return self.answer(202, b"", [("Location", f"/v2/{name}/blobs/uploads/{number}")])
        number = rest.removeprefix("uploads/")
        if number not in uploads:
            self.body()
            return self.error(404, "BLOB_UPLOAD_UNKNOWN")
        place = ("Location", f"/v2/{name}/blobs/uploads/{number}")
        if self.command == "GET":
            return self.answer(204, b"", [place, ("Range", f"0-{max(len(uploads[number]) - 1, 0)}")])
        if self.command == "PATCH":
            length = int(self.headers.get("Content-Length", 0))
            if options.cut and length > options.cut:
                uploads[number] += self.rfile.read(options.cut)
                self.close_connection = True
                self.connection.close()
                return None
            uploads[number] += self.body()
            return self.answer(202, b"", [place, ("Range", f"0-{max(len(uploads[number]) - 1, 0)}")])
        data = uploads[number] + self.body()
        if digest(data) != query["digest"][0]:
            return self.error(400, "DIGEST_INVALID")
        open(os.path.join(blobs, digest(data)[7:]), "wb").write(data)
        return self.answer(201, b"", [("Docker-Content-Digest", digest(data))])

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, address):
        pass

server = Server(("127.0.0.1", 0), Handler)
if options.tls:
    parts = options.tls.split(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(parts[0], parts[1])
    if len(parts) > 2:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(parts[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
log(str(server.server_address[1]))
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
