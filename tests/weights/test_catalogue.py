"""Names of published files: downloaded once, whole or not at all."""

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitlab.errors import InputError
from vitlab.models import PRESETS
from vitlab.weights import CATALOGUE, catalogue, locate


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An HTTP server on this machine, and the folder that it serves."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}", folder
        listening.shutdown()


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path / "cache"))


def test_every_checkpoint_fits_a_preset():
    assert {checkpoint.model for checkpoint in CATALOGUE.values()} <= PRESETS.keys()


def test_a_name_is_downloaded_once(server, monkeypatch: pytest.MonkeyPatch):
    address, folder = server
    (folder / "w.npz").write_bytes(b"weights")
    monkeypatch.setitem(CATALOGUE, "net.mine", catalogue.Checkpoint("net", f"{address}/w.npz"))
    path = locate("net.mine")
    assert path.read_bytes() == b"weights"
    (folder / "w.npz").unlink()
    assert locate("net.mine") == path


def test_a_failed_download_names_the_address_and_where_to_put_the_file(server, monkeypatch):
    address, _ = server
    monkeypatch.setitem(CATALOGUE, "net.gone", catalogue.Checkpoint("net", f"{address}/gone.npz"))
    with pytest.raises(InputError, match=rf"{address}/gone.npz .*put it at .*cache/weights/gone.npz"):
        locate("net.gone")


def test_a_path_a_trained_model_and_an_unknown_name(tmp_path: Path):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"")
    assert locate(str(file)) == file
    assert locate(str(tmp_path)) == file
    with pytest.raises(InputError, match=r"there is no file .*gone\.npz"):
        locate(str(tmp_path / "gone.npz"))
    with pytest.raises(InputError, match=r"unknown weights 'vit_ti16\.augreg'.*did you mean vit_ti16"):
        locate("vit_ti16.augreg")
