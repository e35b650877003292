"""A server of many VMs that knows pages and nothing else; prints its URL, runs until killed.

    paging_server.py COUNT ITEM_FILE

The file has the XML of one VM, in which `@ID@` stands for its id.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

COUNT, ITEM = int(sys.argv[1]), Path(sys.argv[2]).read_text("utf-8")
TOKEN = b'{"access_token":"t","exp":"9223372036854775807","token_type":"bearer"}'


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer("application/json", TOKEN)

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        size, page = int(query["max"][0]), int(query["search"][0].split()[-1])
        numbers = range((page - 1) * size, min(page * size, COUNT))
        items = "".join(ITEM.replace("@ID@", str(number)) for number in numbers)
        self.answer("application/xml", f"<vms>{items}</vms>".encode())

    def answer(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
    print(f"http://127.0.0.1:{server.server_port}/ovirt-engine/api", flush=True)
    server.serve_forever()
