"""An HTTP server on this machine that breaks in the ways that real ones do."""

import contextlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Server:
    """Serves `content` at every address but `/gone` and `/redirect`.

    Attributes:
        breaks: after so many bytes of each of the next answers, the connection is cut.
        ranges: whether it can send the rest of a file.
        announces: whether it says how long the file is.
        unsatisfied: which requests get 416, none, those for a "range" or "all".
        content_range: what it states with that; nothing if empty.
        surplus: what it sends beyond what it announced of a range.
        linked: the hash that the answer at `/redirect` states.
        leads_to: where `/redirect` does.
        asked: the ranges that were asked for, in their order.
    """

    content: bytes
    tag: str = '"one"'
    breaks: list[int] = field(default_factory=list)
    ranges: bool = True
    announces: bool = True
    unsatisfied: str = ""
    content_range: str = ""
    surplus: bytes = b""
    linked: str = ""
    leads_to: str = "/file"
    asked: list[str | None] = field(default_factory=list)
    address: str = ""

    @contextlib.contextmanager
    def listening(self) -> Iterator["Server"]:
        handler = type("Handler", (_Handler,), {"plan": self})
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listener:
            threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
            self.address = f"http://127.0.0.1:{listener.server_port}"
            yield self
            listener.shutdown()


class _Handler(http.server.BaseHTTPRequestHandler):
    plan: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/gone"):
            self.send_error(404)
        elif self.path.startswith("/redirect"):
            self.send_response(302)
            self.send_header("Location", self.plan.leads_to)
            self.send_header("X-Linked-Etag", f'"{self.plan.linked}"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._send_file()

    def _send_file(self) -> None:
        plan = self.plan
        asked = self.headers["Range"]
        plan.asked.append(asked)
        if plan.unsatisfied == "all" or (plan.unsatisfied == "range" and asked):
            self._send_unsatisfied(plan.content_range)
            return
        start = 0
        if asked and plan.ranges and self.headers["If-Range"] == plan.tag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start and start >= len(plan.content):
            self._send_unsatisfied(f"bytes */{len(plan.content)}")
            return
        body = plan.content[start:] + plan.surplus
        self.send_response(206 if start else 200)
        self.send_header("ETag", plan.tag)
        if start:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(plan.content) - 1}/{len(plan.content)}"
            )
        if plan.announces:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[: plan.breaks.pop(0)] if plan.breaks else body)
        self.close_connection = True

    def _send_unsatisfied(self, content_range: str) -> None:
        self.send_response(416)
        if content_range:
            self.send_header("Content-Range", content_range)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
