from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from aggdist.datasets.download import DownloadError, download

BODY = bytes(range(256)) * 4000


def test_a_file_comes_whole(site, tmp_path):
    site.files["a.bin"] = BODY
    download(site.url + "a.bin", tmp_path / "a.bin", progress=False)
    assert (tmp_path / "a.bin").read_bytes() == BODY
    assert site.agents == ["aggdist"]


def test_a_file_of_unannounced_size_comes_whole(site, tmp_path):
    site.files["a.bin"] = BODY
    site.chunked.add("a.bin")
    download(site.url + "a.bin", tmp_path / "a.bin", progress=False)
    assert (tmp_path / "a.bin").read_bytes() == BODY


def test_a_truncated_response_is_an_error(site, tmp_path):
    site.files["a.bin"] = BODY
    site.cut["a.bin"] = 1000
    with pytest.raises(
        DownloadError, match=r"a\.bin: the connection ended after 1,000 of 1,024,000 bytes|more expected"
    ):
        download(site.url + "a.bin", tmp_path / "a.bin", progress=False)


def test_a_truncated_response_of_unannounced_size_is_an_error(site, tmp_path):
    site.files["a.bin"] = BODY
    site.chunked.add("a.bin")
    site.cut["a.bin"] = 0
    with pytest.raises(DownloadError, match=r"a\.bin: IncompleteRead"):
        download(site.url + "a.bin", tmp_path / "a.bin", progress=False)


def test_a_refusal_is_an_error(site, tmp_path):
    with pytest.raises(DownloadError, match=r"/none: HTTP Error 404: Not Found$"):
        download(site.url + "none", tmp_path / "a.bin", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_an_error(closed_port, tmp_path):
    with pytest.raises(DownloadError, match=rf"^http://127\.0\.0\.1:{closed_port}/a: .*refused"):
        download(f"http://127.0.0.1:{closed_port}/a", tmp_path / "a.bin", progress=False)


def test_a_silent_server_is_an_error_after_the_time_limit(site, tmp_path):
    site.stalled.add("a.bin")
    with pytest.raises(DownloadError, match=r"a\.bin: .*timed out"):
        download(site.url + "a.bin", tmp_path / "a.bin", progress=False, timeout=0.2)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_not_taken_for_a_broken_connection(site):
    site.files["a.bin"] = BODY
    with pytest.raises(OSError, match="No space left") as caught:
        download(site.url + "a.bin", Path("/dev/full"), progress=False)
    assert caught.value.errno == errno.ENOSPC


def test_no_bar_is_drawn_where_there_is_no_terminal(site, tmp_path, capsys):
    site.files["a.bin"] = BODY
    download(site.url + "a.bin", tmp_path / "a.bin", progress=True)
    assert capsys.readouterr().err == ""


def test_a_bar_is_drawn_on_a_terminal_unless_told_otherwise(site, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True, raising=False)
    site.files["a.bin"] = BODY
    download(site.url + "a.bin", tmp_path / "a.bin", progress=False)
    assert capsys.readouterr().err == ""
    download(site.url + "a.bin", tmp_path / "a.bin", progress=True)
    assert "a.bin: 100%" in capsys.readouterr().err
