#!/usr/bin/env python3
"""Serves the files of a directory on a free port of 127.0.0.1 with tags, for tests of builds. Prints its port, then a line
per request: status and path. /redirect/X leads to /X, /loop to itself, /cut/X sends half of X, /plain leads to http without end.

    webserver.py DIRECTORY
"""
import hashlib, http.server, os, sys

root = os.path.abspath(sys.argv[1])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, headers, body=b"", cut=False):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        print(status, self.path, flush=True)
        if cut:
            self.close_connection = True

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path.startswith("/redirect/"):
            return self.answer(302, [("Location", path[len("/redirect"):])])
        if path == "/loop":
            return self.answer(302, [("Location", "/loop")])
        cut = path.startswith("/cut/")
        if cut:
            path = path[len("/cut"):]
        file = os.path.normpath(root + path)
        if not file.startswith(root + "/") or not os.path.isfile(file):
            return self.answer(404, [])
        with open(file, "rb") as opened:
            body = opened.read()
        tag = '"' + hashlib.sha1(body).hexdigest() + '"'
        headers = [("ETag", tag), ("Last-Modified", "Tue, 15 Nov 1994 08:12:31 GMT")]
        if self.headers.get("If-None-Match") == tag:
            return self.answer(304, headers)
        self.answer(200, headers, body, cut)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
