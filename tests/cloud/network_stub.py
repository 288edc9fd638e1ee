"""In the place of neutron: a network service without networks. python network_stub.py ADDRESS PORT

Every list is empty, which is what Nova asks for when a guest has no network.
"""

from __future__ import annotations

import http.server
import json
import sys

_EXTENSIONS = ("binding", "binding-extended", "security-group")


class Stub(http.server.BaseHTTPRequestHandler):
    """Answers with its version, with three extensions, with empty lists, and that there is nothing else."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = [part for part in self.path.partition("?")[0].split("/") if part]
        known = self.command == "GET" and len(parts) <= 2
        body = json.dumps(self._body(parts) if known else {"NeutronError": {"type": "NotFound"}}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self, parts: list[str]) -> dict[str, object]:
        if len(parts) < 2:
            links = [{"rel": "self", "href": f"http://{self.headers['Host']}/v2.0"}]
            return {"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]}
        name = parts[1].removesuffix(".json").replace("-", "_")
        found = [{"alias": alias, "name": alias, "links": []} for alias in _EXTENSIONS]
        return {name: found if name == "extensions" else []}

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


if __name__ == "__main__":
    http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Stub).serve_forever()
