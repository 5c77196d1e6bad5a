"""One file over the network: streamed to disk, with progress, a time limit and a check of its size."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

#: Seconds without a byte after which a connection counts as dead.
TIMEOUT = 60.0
_CHUNK = 1 << 18

#: What a failing connection raises. A full disk raises OSError, which is none of these.
NETWORK_ERRORS = (
    urllib.error.URLError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
)


class DownloadError(RuntimeError):
    """A file could not be downloaded, or not all of it."""


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while chunk := response.read(_CHUNK):
        yield chunk


def _stream(response: http.client.HTTPResponse, target: Path, progress: bool) -> None:
    from tqdm import tqdm

    # None for a server that doesn't say; http.client itself checks a chunked response.
    expected = response.length
    # disable=None: a bar on a terminal, nothing in a log file.
    disable = None if progress else True
    with (
        target.open("wb") as file,
        tqdm(total=expected, unit="B", unit_scale=True, desc=target.name, disable=disable) as bar,
    ):
        for chunk in _chunks(response):
            file.write(chunk)
            bar.update(len(chunk))
    received = target.stat().st_size
    if expected is not None and received != expected:
        raise DownloadError(f"{response.url}: the connection ended after {received:,} of {expected:,} bytes")


def download(url: str, target: Path, progress: bool = True, timeout: float = TIMEOUT) -> None:
    """Write what is at `url` to `target`.

    Raises
    ------
    DownloadError
        If there is no connection, the server says no, nothing comes for `timeout` seconds, or less comes than
        the server announced. `target` may hold a part then.
    OSError
        If `target` can't be written.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "aggdist"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            _stream(response, target, progress)
    except NETWORK_ERRORS as error:
        if isinstance(error, urllib.error.HTTPError):
            # It carries the refused response, still open.
            error.close()
        raise DownloadError(f"{url}: {error or type(error).__name__}") from error
