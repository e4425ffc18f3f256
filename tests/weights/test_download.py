"""Files over HTTP: whole, or a beginning that a later call goes on from."""

import hashlib
import resource
from pathlib import Path

import numpy as np
import pytest
import requests

from tests.weights.server import Server
from vitlab.errors import InputError
from vitlab.weights import download as module
from vitlab.weights.download import BROKEN, CHUNK, download

CONTENT = np.random.default_rng(0).bytes(3_000_000)
HALF = len(CONTENT) // 2


@pytest.fixture
def server():
    with Server(CONTENT).listening() as listening:
        yield listening


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "PAUSE", 0.0)
    return tmp_path / "file.part"


def beginning(asked: str | None) -> int:
    return int((asked or "bytes=0-").removeprefix("bytes=").removesuffix("-"))


def test_a_file_comes_whole(server: Server, part: Path):
    assert download(f"{server.address}/file", part) is None
    assert part.read_bytes() == CONTENT


def test_a_cut_connection_is_gone_on_from_where_it_was_cut(server: Server, part: Path):
    server.breaks = [HALF, HALF // 2]
    download(f"{server.address}/file", part)
    assert part.read_bytes() == CONTENT
    first, second, third = map(beginning, server.asked)
    assert (first, HALF - second < CHUNK, HALF // 2 - (third - second) < CHUNK) == (0, True, True)


def test_a_later_call_goes_on_from_what_an_earlier_one_left(server: Server, part: Path, monkeypatch):
    server.breaks = [HALF]
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    with pytest.raises(BROKEN):
        download(f"{server.address}/file", part)
    kept = part.stat().st_size
    assert HALF - CHUNK < kept <= HALF
    download(f"{server.address}/file", part)
    assert part.read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={kept}-"]


def test_a_beginning_of_a_file_that_has_changed_is_not_gone_on_from(server: Server, part, monkeypatch):
    server.breaks = [HALF]
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    with pytest.raises(BROKEN):
        download(f"{server.address}/file", part)
    server.content, server.tag = CONTENT[::-1], '"two"'
    download(f"{server.address}/file", part)
    assert part.read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("fault", [{"ranges": False}, {"tag": 'W/"weak"'}])
def test_without_ranges_or_a_sure_tag_it_starts_again(part: Path, fault: dict):
    with Server(CONTENT, breaks=[HALF], **fault).listening() as server:
        download(f"{server.address}/file", part)
        assert part.read_bytes() == CONTENT
        assert len(server.asked) == 2


def test_what_was_whole_already_is_not_fetched_again(server: Server, part: Path):
    download(f"{server.address}/file", part)
    download(f"{server.address}/file", part)
    assert part.read_bytes() == CONTENT
    assert server.asked == [None, f"bytes={len(CONTENT)}-"]


def test_a_beginning_that_is_longer_than_the_file_is_thrown_away(server: Server, part: Path):
    download(f"{server.address}/file", part)
    part.write_bytes(CONTENT + b"more")
    download(f"{server.address}/file", part)
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("stated", ["bytes */0", ""])
def test_a_server_that_finds_no_range_where_none_was_asked_for_refuses(part: Path, stated: str):
    with Server(CONTENT, unsatisfied="all", content_range=stated).listening() as server:
        with pytest.raises(requests.HTTPError, match="416"):
            download(f"{server.address}/file", part)
        assert server.asked == [None]
    assert not part.exists()


def test_a_server_that_refuses_after_a_beginning_is_asked_for_the_whole_once(server, part, monkeypatch):
    server.breaks = [HALF]
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    with pytest.raises(BROKEN):
        download(f"{server.address}/file", part)
    kept, server.unsatisfied = part.stat().st_size, "all"
    with pytest.raises(requests.HTTPError, match="416"):
        download(f"{server.address}/file", part)
    assert server.asked == [None, f"bytes={kept}-", None]


def test_a_server_that_always_breaks_and_never_goes_on_is_given_up(part: Path):
    breaks = [HALF // 64 * 64] * 50
    with Server(CONTENT, unsatisfied="range", breaks=breaks).listening() as server:
        with pytest.raises(BROKEN):
            download(f"{server.address}/file", part)
        assert server.asked.count(None) <= 2 * module.ATTEMPTS


def test_more_than_was_announced_is_refused_and_thrown_away(part: Path, monkeypatch):
    with Server(CONTENT, breaks=[HALF], surplus=b"more").listening() as server:
        with pytest.raises(requests.RequestException, match=f"more than {len(CONTENT)} bytes came"):
            download(f"{server.address}/file", part)
        assert not part.exists()


def test_a_file_far_larger_than_it_should_be_is_refused(part: Path):
    with (
        Server(CONTENT).listening() as server,
        pytest.raises(requests.RequestException, match="at most"),
    ):
        download(f"{server.address}/file", part, most=HALF)
    with (
        Server(CONTENT, announces=False).listening() as server,
        pytest.raises(requests.RequestException, match=f"more than {HALF} bytes came"),
    ):
        download(f"{server.address}/file", part, most=HALF)


def test_the_hash_that_a_redirect_states_is_handed_on(server: Server, part: Path):
    server.linked = hashlib.sha256(CONTENT).hexdigest()
    assert download(f"{server.address}/redirect", part) == server.linked


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/file"])
def test_a_redirect_to_what_is_no_http_is_refused(server: Server, part: Path, place: str):
    server.leads_to = place
    with pytest.raises(requests.exceptions.InvalidSchema):
        download(f"{server.address}/redirect", part)
    assert not part.exists()


def test_a_disk_without_the_space_is_told_before_anything_is_written(server: Server, part, monkeypatch):
    usage = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(InputError, match=r"it needs 3 MB, and 1 MB are free there; free some space, or"):
        download(f"{server.address}/file", part)
    assert not part.exists()


def test_a_disk_that_fills_up_is_one_line_and_the_beginning_is_kept(server: Server, part: Path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, hard))  # fails in the same call as a full disk
    try:
        with pytest.raises(
            InputError, match=r"File too large; 1\.5 MB are still needed; what came"
        ) as full:
            download(f"{server.address}/file", part)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "\n" not in str(full.value)
    assert part.read_bytes() == CONTENT[:HALF]
    download(f"{server.address}/file", part)
    assert part.read_bytes() == CONTENT
