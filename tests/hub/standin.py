"""A server that speaks the hub's protocol to the real clients, with faults to switch on.

It serves what was added to it as the hub does: a commit for a revision, git's SHA-1 as the ETag of
a small file, the SHA-256 of a large one, which is fetched from another host ("localhost", where
the hub itself is "127.0.0.1"), and ranges. What it has no answer for is kept in `unknown`.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".safetensors", ".bin", ".parquet")  # kept by git LFS, as on the hub
FAULTS = ("network", "slow", "stalled", "truncated", "cut", "cut once", "corrupt", "gated", "busy")


@dataclass
class Repo:
    """One repository: its files, and a commit that changes with them."""

    kind: str  # "models" or "datasets"
    name: str
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def commit(self) -> str:
        """Return 40 hexadecimal digits that name the present content."""
        parts = [f"{path} {oid(path, body)}" for path, body in sorted(self.files.items())]
        return hashlib.sha1("\n".join([self.kind, self.name, *parts]).encode()).hexdigest()

    def entries(self, under: str = "") -> list[dict]:
        """Return the files as the hub's tree and paths-info describe them."""
        return [entry(path, body) for path, body in self.files.items() if path.startswith(under)]

    def info(self) -> dict:
        """Return what the hub says about a repository."""
        return {
            "_id": "0" * 24,
            "id": self.name,
            "author": self.name.split("/")[0],
            "sha": self.commit,
            "lastModified": "2026-01-01T00:00:00.000Z",
            "createdAt": "2026-01-01T00:00:00.000Z",
            "private": False,
            "gated": False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "siblings": [{"rfilename": path} for path in self.files],
        }


def oid(path: str, body: bytes) -> str:
    """Return the hash that the hub gives as a file's ETag."""
    if path.endswith(LARGE):
        return hashlib.sha256(body).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


def entry(path: str, body: bytes) -> dict:
    """Return one file as the hub's tree describes it."""
    plain = {"type": "file", "path": path, "size": len(body), "oid": oid(path, body)}
    if not path.endswith(LARGE):
        return plain
    large = {"oid": oid(path, body), "size": len(body), "pointerSize": 130}
    return plain | {"oid": "1" * 40, "lfs": large}


class StandIn:
    """The server: add repositories, read `url`, `requests` and `unknown`, switch faults."""

    def __init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.requests: list[tuple[str, str, bool]] = []  # method, path, whether a token came along
        self.unknown: list[str] = []
        self.token = "hf_" + "s" * 20  # what opens a gated repository
        self._fault: str | None = None
        self._times = 0
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self._listen()

    @property
    def url(self) -> str:
        """Return what HF_ENDPOINT should be."""
        return f"http://127.0.0.1:{self.port}"

    def add_model(self, name: str, files: Mapping[str, bytes | Path]) -> None:
        """Serve a model repository with these files."""
        self._add("models", name, files)

    def add_dataset(self, name: str, files: Mapping[str, bytes | Path]) -> None:
        """Serve a data set repository with these files."""
        self._add("datasets", name, files)

    def _add(self, kind: str, name: str, files: Mapping[str, bytes | Path]) -> None:
        read = {k: v.read_bytes() if isinstance(v, Path) else v for k, v in files.items()}
        self.repos[kind, name] = Repo(kind, name, read)

    def fault(self, name: str | None) -> None:
        """Switch one of `FAULTS` on, or with None lift it."""
        if name is not None and name not in FAULTS:
            raise ValueError(f"expected a fault out of {', '.join(FAULTS)}, found {name!r}")
        self._fault, self._times = name, 0
        if name == "network":
            self.close()
        elif self._server is None:
            self._listen()

    def strikes(self, name: str) -> bool:
        """Say whether this fault is to happen now."""
        if self._fault == "cut once" and name == "cut":
            self._times += 1
            return self._times == 1
        return self._fault == name

    def _listen(self) -> None:
        handler = type("Bound", (Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop listening; the port is kept for when the fault is lifted."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class Handler(BaseHTTPRequestHandler):
    """One request to the stand-in."""

    hub: StandIn
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self.answer()

    def do_GET(self) -> None:
        """Answer with a body."""
        self.answer()

    def do_POST(self) -> None:
        """Answer a question that has a body."""
        self.answer()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal clean; `requests` holds the log."""

    def answer(self) -> None:
        """Note the request, apply the faults that concern all of them, and route it."""
        self.asked = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.path, query = urlsplit(self.path).path, urlsplit(self.path).query
        self.query = parse_qs(query)
        if self.path == "/standin/lift":  # for a client that goes on when its fault is gone
            self.hub.fault(None)
            return self.json("lifted")
        sent = self.headers.get("Authorization")
        self.hub.requests.append((self.command, self.path, sent is not None))
        if self.hub.strikes("slow"):
            time.sleep(4)
        if self.hub.strikes("busy"):
            return self.refuse(503, "", "Service Unavailable")
        if self.hub.strikes("gated") and not self.path.startswith("/cdn/"):
            if sent is None:
                return self.refuse(401, "GatedRepo", "Access is restricted. Please log in.")
            if sent != f"Bearer {self.hub.token}":
                return self.refuse(403, "GatedRepo", "Access is restricted. Ask for it.")
        self.route()

    def route(self) -> None:
        """Find who answers this path."""
        path = unquote(self.path)
        if found := re.fullmatch(r"/cdn/(\w+)", path):
            return self.large_file(found[1])
        if found := re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            kind = "datasets" if found[1] else "models"
            return self.file(kind, *found.group(2, 3, 4))
        if found := re.fullmatch(r"/api/resolve-cache/(\w+)/([^/]+/[^/]+)/(\w+)/(.+)", path):
            repo = self.hub.repos[found[1], found[2]]
            return self.send(repo.files[found[4]], found[4], repo.commit)
        api = r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/([^/]+)(.*))?"
        if found := re.fullmatch(api, path):
            return self.about(*found.groups())
        self.hub.unknown.append(f"{self.command} {self.path}")
        return self.refuse(404, "", "the stand-in does not know this path")

    def repo(self, kind: str, name: str, revision: str) -> Repo | None:
        """Return a repository, or answer that it or its revision is not there."""
        repo = self.hub.repos.get((kind, name))
        if repo is None:
            self.refuse(401, "RepoNotFound", "Repository not found")
        elif revision not in ("main", repo.commit):
            repo = self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return repo

    def file(self, kind: str, name: str, revision: str, path: str) -> None:
        """Answer for a file by sending the client to where its bytes are."""
        repo = self.repo(kind, name, revision)
        if repo is None:
            return None
        commit = {"X-Repo-Commit": repo.commit}
        if path not in repo.files:
            return self.refuse(404, "EntryNotFound", "Entry not found", commit)
        body = repo.files[path]
        linked = {"X-Linked-Size": str(len(body)), "X-Linked-Etag": f'"{oid(path, body)}"'}
        if path.endswith(LARGE):
            where = f"http://localhost:{self.hub.port}/cdn/{oid(path, body)}"
            return self.reply(302, b"", commit | linked | {"Location": where})
        where = f"/api/resolve-cache/{kind}/{name}/{repo.commit}/{path}"
        return self.reply(307, b"", commit | linked | {"Location": where})

    def large_file(self, sha256: str) -> None:
        """Answer as the file store behind the hub does."""
        held = [item for repo in self.hub.repos.values() for item in repo.files.items()]
        self.send(next(body for path, body in held if oid(path, body) == sha256), "x.bin")

    def send(self, body: bytes, path: str, commit: str = "") -> None:
        """Send a file, or the part that was asked for, or what a fault makes of it."""
        headers = {"ETag": f'"{oid(path, body)}"', "Accept-Ranges": "bytes"}
        headers |= {"X-Repo-Commit": commit} if commit else {}
        if self.hub.strikes("stalled") and self.command == "GET":
            time.sleep(4)
        if self.hub.strikes("corrupt"):
            body = bytes([body[0] ^ 1]) + body[1:]
        if self.hub.strikes("truncated"):
            body = body[: len(body) // 2]
        start = int(re.sub(r"\D", "", self.headers.get("Range", "").split("-")[0]) or 0)
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self.reply(206 if start else 200, body[start:], headers, whole=len(body))

    def about(
        self, kind: str, name: str, what: str | None, revision: str | None, path: str
    ) -> None:
        """Answer a question about a repository."""
        repo = self.repo(kind, name, revision or "main")
        if repo is None:
            return None
        if what == "tree":
            return self.tree(repo, (path or "").strip("/"))
        if what == "paths-info":
            return self.json([e for e in repo.entries() if e["path"] in self.paths_asked()])
        return self.json(repo.info())

    def paths_asked(self) -> list[str]:
        """Return the paths of a paths-info question, sent as a form or as JSON."""
        if "json" in self.headers.get("Content-Type", ""):
            return json.loads(self.asked)["paths"]
        return parse_qs(self.asked.decode())["paths"]

    def tree(self, repo: Repo, folder: str) -> None:
        """Answer with the content of a folder, with folders inside it unless asked for all."""
        under = f"{folder}/" if folder else ""
        entries = repo.entries(under)
        if not entries:
            commit = {"X-Repo-Commit": repo.commit}
            return self.refuse(404, "EntryNotFound", f"{folder} does not exist", commit)
        if "true" in [value.lower() for value in self.query.get("recursive", [])]:
            return self.json(entries)
        here = [e for e in entries if "/" not in e["path"].removeprefix(under)]
        deeper = {e["path"].removeprefix(under).split("/")[0] for e in entries if e not in here}
        folders = [
            {"type": "directory", "path": f"{under}{name}", "size": 0, "oid": "2" * 40}
            for name in sorted(deeper)
        ]
        return self.json(folders + here)

    def json(self, value: object) -> None:
        """Answer with JSON."""
        self.reply(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def refuse(self, status: int, code: str, said: str, more: dict | None = None) -> None:
        """Answer with an error as the hub words it."""
        named = {"X-Error-Code": code} if code else {}
        headers = {"X-Error-Message": said, "Content-Type": "application/json"} | named
        self.reply(status, json.dumps({"error": said}).encode(), headers | (more or {}))

    def reply(self, status: int, body: bytes, headers: dict, whole: int | None = None) -> None:
        """Send an answer; of a file (`whole` bytes) the fault "cut" sends the first half only."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if whole is not None and self.hub.strikes("cut"):
            start = whole - len(body)
            body = body[: max(whole // 2 - start, 0)]
            self.close_connection = True
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):  # the client gave up on us
            self.close_connection = True
