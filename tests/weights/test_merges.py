"""CLIP's merges: downloaded once and held against their hash; a file that is none is refused."""

import dataclasses
import gzip
import hashlib
import os
import re
import tracemalloc
from pathlib import Path

import pytest

from tests.weights.server import Server
from vitlab.errors import InputError
from vitlab.weights import locate_merges, merges, read_merges


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("vitlab.weights.download.PAUSE", 0.0)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if CLIP had three merges."""
    monkeypatch.setattr(merges, "COUNT", 3)


def write(folder: Path, text: str) -> Path:
    path = folder / "merges.txt.gz"
    path.write_bytes(gzip.compress(text.encode()))
    return path


# --------------------------------------------------------------------------------- where it lies


def test_the_file_is_downloaded_once_and_another_content_is_refused(cache: Path, monkeypatch):
    with Server(b"not what OpenAI published").listening() as server:
        there = dataclasses.replace(merges.PUBLISHED, address=f"{server.address}/merges.txt.gz")
        monkeypatch.setattr(merges, "PUBLISHED", there)
        with pytest.raises(InputError, match=r"is not bpe_simple_vocab_16e6\.txt\.gz; it is removed"):
            locate_merges()
        assert not (cache / there.file_name).exists()
        server.content = b"what OpenAI published"
        stated = f"sha256:{hashlib.sha256(server.content).hexdigest()}"
        monkeypatch.setattr(merges, "PUBLISHED", dataclasses.replace(there, stated_hash=stated))
        assert [locate_merges().read_bytes() for _ in range(2)] == [server.content] * 2
        assert len(server.asked) == 2


def test_offline_the_error_names_the_address_and_where_to_put_the_file(cache: Path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(InputError) as failed:
        locate_merges()
    message = str(failed.value)
    assert message.startswith("cannot download https://github.com/openai/CLIP/raw/main/clip/bpe_simple_")
    assert message.endswith(f"put it at {cache / 'bpe_simple_vocab_16e6.txt.gz'}")


@pytest.mark.assets
def test_the_published_file_put_there_by_hand_is_taken(assets: Path, cache: Path):
    cache.mkdir(parents=True)
    (cache / "bpe_simple_vocab_16e6.txt.gz").symlink_to(assets / "weights/bpe_simple_vocab_16e6.txt.gz")
    pairs = read_merges(locate_merges())
    assert (len(pairs), pairs[0], pairs[-1]) == (48_894, ("i", "n"), ("jeky", "ll</w>"))


# --------------------------------------------------------------------------------- what it holds


def test_the_first_merges_under_the_title_are_read(tmp_path: Path, three: None):
    path = write(tmp_path, "title\ni n\nt h\nth e</w>\nmore than CLIP uses\n")
    assert read_merges(path) == [("i", "n"), ("t", "h"), ("th", "e</w>")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("title\ni n\nt h\n", "it holds 2 merges, and CLIP has 3"),
        ("", "it holds 0 merges, and CLIP has 3"),
        ("title\ni n\nt h e\nr e\n", "line 3, 't h e', is no pair"),
        ("title\ni n\n\x1b[2J\nr e\n", r"line 3, '\x1b[2J', is no pair"),
        ("title\ni n\nt h\n" + "r" * 1000, f"line 4, '{'r' * 60}', is no pair"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, three: None, text: str, reason: str):
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=f"^{re.escape(f'merges {path}: {reason}')}$"):
        read_merges(path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path, three: None):
    path = tmp_path / "merges.txt.gz"
    path.write_bytes(gzip.compress(b"title\n\xff \xfe\n"))
    with pytest.raises(InputError, match="it is no text in UTF-8"):
        read_merges(path)


@pytest.mark.parametrize("damage", ["plain", "cut", "flipped", "checksum"])
def test_a_damaged_file_is_refused(tmp_path: Path, three: None, damage: str):
    path = write(tmp_path, "title\ni n\nt h\nr e\n")
    content = path.read_bytes()
    damaged = {
        "plain": b"title\ni n\nt h\nr e\n",
        "cut": content[:-12],
        "flipped": content[:10] + b"\xff" + content[11:],
        "checksum": content[:-8] + bytes(4) + content[-4:],
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(InputError, match="it is not a whole gzip file"):
        read_merges(path)


def test_a_bomb_takes_no_more_memory_than_the_merges_may(tmp_path: Path):
    path = tmp_path / "merges.txt.gz"
    path.write_bytes(gzip.compress(bytes(2**20), 1) * 600)  # 600 MiB
    assert path.stat().st_size < merges.MOST_PACKED
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="unpacks to more than 16777216 bytes; refused"):
            read_merges(path)
        assert tracemalloc.get_traced_memory()[1] < 4 * merges.MOST_UNPACKED
    finally:
        tracemalloc.stop()


def test_what_cannot_be_read_is_refused(tmp_path: Path):
    path = tmp_path / "merges.txt.gz"
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_merges(path)
    os.mkfifo(path)
    with pytest.raises(InputError, match="it is no file"):
        read_merges(path)
    path.unlink()
    path.write_bytes(bytes(merges.MOST_PACKED + 1))
    with pytest.raises(InputError, match="4194305 bytes, too many"):
        read_merges(path)
