"""A small dataset with its specification, wav files, and a web server on this machine that can misbehave."""

from __future__ import annotations

import io
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from aggdist.datasets.cache import Arrays, checksum
from aggdist.datasets.specification import ArraySpec, Citation, DatasetSpec


def _specification_of(arrays: Arrays, name: str = "tiny", task: str = "image") -> DatasetSpec:
    specs = {
        key: ArraySpec(array.shape, "str" if array.dtype.kind == "U" else str(array.dtype), checksum(array))
        for key, array in arrays.items()
    }
    return DatasetSpec(
        name=name,
        task=task,
        class_names=("a", "b"),
        arrays=specs,
        n_bytes=1,
        licence="none",
        citation=Citation("Nobody.", "https://example.org"),
        origin="a test",
    )


@pytest.fixture
def specification_of() -> Callable[..., DatasetSpec]:
    """Makes the specification that given arrays fulfil."""
    return _specification_of


@pytest.fixture
def arrays() -> Arrays:
    rng = np.random.default_rng(5)
    return {
        "x_train": rng.integers(0, 256, (6, 3, 3)).astype(np.uint8),
        "y_train": np.array([0, 1, 0, 1, 0, 1], dtype=np.uint8),
        "x_test": rng.integers(0, 256, (2, 3, 3)).astype(np.uint8),
        "y_test": np.array([0, 1], dtype=np.uint8),
        "note_test": np.array(["é", "two words"]),
    }


@pytest.fixture
def tiny(arrays: Arrays) -> DatasetSpec:
    return _specification_of(arrays)


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """The cache that the shared conftest sets up for each test; here it exists."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def wav() -> Callable[..., bytes]:
    """Makes the content of a wav file."""

    def make(samples: np.ndarray, rate: int = 8000) -> bytes:
        content = io.BytesIO()
        wavfile.write(content, rate, samples)
        return content.getvalue()

    return make


@pytest.fixture
def tar_gz() -> Callable[[dict[str, bytes]], bytes]:
    """Makes the content of a .tar.gz archive."""

    def make(files: dict[str, bytes]) -> bytes:
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as tar:
            for name, body in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(body)
                tar.addfile(member, io.BytesIO(body))
        return content.getvalue()

    return make


@pytest.fixture
def closed_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass
class Site:
    """What the server serves, and how."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    # Bytes after which the connection is dropped, by path.
    cut: dict[str, int] = field(default_factory=dict)
    chunked: set[str] = field(default_factory=set)
    stalled: set[str] = field(default_factory=set)
    ended: threading.Event = field(default_factory=threading.Event)
    agents: list[str | None] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        self.close_connection = True
        site, path = self.site, self.path.lstrip("/")
        site.agents.append(self.headers["User-Agent"])
        if path in site.stalled:
            site.ended.wait(20)
        elif path not in site.files:
            self.send_error(404)
        elif path in site.chunked:
            self._chunks(site.files[path], path in site.cut)
        else:
            body = site.files[path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: site.cut.get(path)])

    do_HEAD = do_GET

    def _chunks(self, body: bytes, cut: bool) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n" + (b"" if cut else b"0\r\n\r\n"))

    def log_message(self, *args: object) -> None:
        """Nothing on the screen."""


@pytest.fixture
def site() -> Iterator[Site]:
    """A web server on 127.0.0.1."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.site = Site(f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield handler.site
    handler.site.ended.set()
    server.shutdown()
    server.server_close()
    thread.join()
