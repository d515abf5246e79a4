"""A W&B server on the loopback, for tests: it keeps what is uploaded, hangs, or dies when it is told to."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from wandb_objects import Objects, Refused

from locality.report import uplink

HISTORY = "wandb-history.jsonl"


@dataclass
class Uploaded:
    """What one run has sent."""

    lines: dict[int, str] = field(default_factory=dict)  # by their place in the history
    doubled: list[int] = field(default_factory=list)  # places that were written again, with something else
    files: set[str] = field(default_factory=set)
    exits: list[int] = field(default_factory=list)
    config: str = "{}"
    summary: str = "{}"

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The history, in its order. Raises AssertionError if a place was left out or taken twice."""
        assert sorted(self.lines) == list(range(len(self.lines))), sorted(self.lines)
        assert not self.doubled, self.doubled
        return [json.loads(self.lines[place]) for place in range(len(self.lines))]


class Server:
    """Serves at `url` until `die`; `hang` lets every later request wait for ever."""

    def __init__(self) -> None:
        self.runs: dict[str, Uploaded] = {}
        self.asked: list[str] = []  # names of the operations, in their order
        self._hangs = threading.Event()
        self._connections: list[socket.socket] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self.objects = Objects(self.url)
        self.refuses: dict[str, str] = {}  # operations that are answered with an error, and what it says
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def hang(self) -> None:
        """Take what comes and never answer."""
        self._hangs.set()

    def die(self) -> None:
        """Close the door, and every connection."""
        self._hangs.set()
        self._http.shutdown()
        self._http.server_close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def run(self, name: str) -> Uploaded:
        """What a run has sent so far."""
        return self.runs.setdefault(name, Uploaded())

    def answer(self, method: str, path: str, body: bytes) -> dict[str, Any]:
        """The answer to one request."""
        if self._hangs.is_set():
            threading.Event().wait()
        if path.endswith("/graphql"):
            asked = json.loads(body)
            match = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])
            operation = match[1] if match else ""
            self.asked.append(operation)
            try:
                if operation in self.refuses:
                    raise Refused(self.refuses[operation])
                return {"data": self._graphql(operation, asked.get("variables") or {})}
            except Refused as error:
                return {"data": None, "errors": [{"message": str(error)}]}
        self.asked.append(f"{method} {path}")
        if path.endswith("/file_stream"):
            self._stream(path.split("/")[-2], json.loads(body))
        elif path.startswith("/artifact/"):
            self.objects.files[path.removeprefix("/artifact/")] = body
        return {}

    def _graphql(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        if operation == "UpsertBucket":
            return self._upsert(given)
        if operation == "CreateRunFiles":
            self.run(given["run"]).files |= set(given["files"])
            files = [{"name": name, "uploadUrl": f"{self.url}/put/{name}"} for name in given["files"]]
            return {"createRunFiles": {"runID": given["run"], "uploadHeaders": [], "files": files}}
        if operation == "RunResumeStatus":
            name = given["name"]
            bucket = self._bucket(name) if name in self.runs else None
            return {"model": {"id": "p", "name": "p", "entity": {"id": "e", "name": "e"}, "bucket": bucket}}
        if operation == "Viewer":
            user = {"id": "v", "entity": "e", "username": "v", "flags": "{}", "teams": {"edges": []}}
            return {"viewer": user}
        return self.objects.answer(operation, given)

    def _upsert(self, given: dict[str, Any]) -> dict[str, Any]:
        fresh = given["name"] not in self.runs
        run = self.run(given["name"])
        run.config = given.get("config") or run.config
        project = {"id": "p", "name": "p", "entity": {"id": "e", "name": "e"}}
        bucket = {
            "id": given["name"], "name": given["name"], "displayName": given["name"],
            "description": None, "config": run.config, "sweepName": None, "project": project,
            "historyLineCount": len(run.lines),
        }  # fmt: skip
        return {"upsertBucket": {"bucket": bucket, "inserted": fresh}}

    def _bucket(self, name: str) -> dict[str, Any]:
        """What the next part of a run must know of the parts before it."""
        run = self.runs[name]
        tail = [run.lines[place] for place in sorted(run.lines)[-1:]]
        return {
            "name": name, "displayName": name, "id": name, "config": run.config,
            "summaryMetrics": run.summary, "historyLineCount": len(run.lines), "eventsLineCount": 0,
            "logLineCount": 0, "historyTail": json.dumps(tail), "eventsTail": "[]", "tags": [],
            "wandbConfig": json.dumps({"t": 1}),
        }  # fmt: skip

    def _stream(self, name: str, sent: dict[str, Any]) -> None:
        run = self.run(name)
        files = sent.get("files") or {}
        chunk = files.get(HISTORY, {"offset": 0, "content": []})
        for place, line in enumerate(chunk["content"], chunk["offset"]):
            if run.lines.get(place, line) != line:
                run.doubled.append(place)
            run.lines[place] = line
        for line in files.get("wandb-summary.json", {}).get("content", []):
            run.summary = line
        if sent.get("complete"):
            run.exits.append(sent.get("exitcode", -1))


@contextlib.contextmanager
def serving(
    monkeypatch: pytest.MonkeyPatch,
    home: Path,  # what W&B takes for the user's folder
) -> Iterator[Server]:
    """A server that answers, and credentials for it."""
    served = Server()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("WANDB_BASE_URL", served.url)
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    uplink.abandon()  # W&B reads the environment when its process starts
    yield served
    uplink.abandon()
    served.die()


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            server._connections.append(self.connection)

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            answer = json.dumps(server.answer(self.command, self.path, body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = _any

        def handle(self) -> None:
            with contextlib.suppress(OSError):  # the client has hung up
                super().handle()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler
