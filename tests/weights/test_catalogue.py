"""Names of published files: what is said of them, and that they are downloaded once, whole or not."""

import hashlib
import json
import math
import subprocess
import sys
import typing
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.weights.server import Server
from vitlab.errors import InputError
from vitlab.models import PRESETS, create, create_text, outline
from vitlab.models.classifier import Scheme
from vitlab.models.presets import CLIP_TEXTS
from vitlab.weights import CATALOGUE, Checkpoint, Preprocessing, best_checkpoint, locate
from vitlab.weights.catalogue.counted import NUMBERS, counted_mebibytes
from vitlab.weights.catalogue.listing import NORMALISATIONS
from vitlab.weights.readers import READERS

CONTENT = b"weights" * 1000
SHA256, MD5 = (getattr(hashlib, name)(CONTENT).hexdigest() for name in ("sha256", "md5"))
OLD_NAMES = ("vit_ti16", "vit_s32", "vit_s16", "vit_b32", "vit_b16", "vit_l16")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("vitlab.weights.download.PAUSE", 0.0)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def server():
    with Server(CONTENT).listening() as listening:
        yield listening


@pytest.fixture
def enter(server: Server, monkeypatch: pytest.MonkeyPatch):
    """Puts the server's file into the catalogue as `net.mine`."""

    def put(page: str = "/w.npz", **facts) -> Checkpoint:
        plain = Preprocessing(224, "bicubic", 1.0, crop_first=False)
        address = page if "://" in page else server.address + page
        checkpoint = Checkpoint("net", "mine", "nobody", address, None, "noise", plain, **facts)
        monkeypatch.setitem(CATALOGUE, "net.mine", checkpoint)
        return checkpoint

    return put


# --------------------------------------------------------------------------------- what it says


def test_every_checkpoint_fits_a_preset():
    assert {checkpoint.model for checkpoint in CATALOGUE.values()} <= PRESETS.keys()


def test_every_name_has_a_file_of_its_own_that_can_be_read():
    files = [checkpoint.file_name for checkpoint in CATALOGUE.values()]
    assert len(set(files)) == len({one.address for one in CATALOGUE.values()}) == len(CATALOGUE) >= 170
    assert {Path(file).suffix for file in files} <= READERS.keys()
    assert all(checkpoint.address.startswith("https://") for checkpoint in CATALOGUE.values())


def test_names_that_were_once_given_still_stand():
    assert {f"{model}.augreg_in21k_ft_in1k" for model in OLD_NAMES} <= CATALOGUE.keys()
    assert {f"mobilenet_v2{width}.keras_in1k" for width in ("", "_035", "_140")} <= CATALOGUE.keys()


def test_every_figure_has_a_source_and_can_be_one():
    for name, checkpoint in CATALOGUE.items():
        assert (checkpoint.top1 is None) == (checkpoint.source is None), name
        if checkpoint.top1 is not None:
            assert 30 < checkpoint.top1 < (checkpoint.top5 or 99.9) < 100, name
        assert 0.8 < checkpoint.preprocessing.crop <= 1 or checkpoint.preprocessing.size < 224, name


def test_every_scheme_is_one_that_the_networks_know():
    schemes = {one.options["scheme"] for one in CATALOGUE.values()}
    assert schemes <= set(typing.get_args(Scheme)) == set(NORMALISATIONS)


def test_nearly_every_fact_that_a_user_asks_for_is_known():
    assert all(one.licence for one in CATALOGUE.values())
    unmeasured = [one for one in CATALOGUE.values() if one.top1 is None and one.classes == 1000]
    assert len(unmeasured) == 6, "those that nobody we know of has measured"
    assert {one.classes for one in CATALOGUE.values()} == {0, 1000, 1001, 21_843}


def test_the_best_checkpoint_is_one_for_the_size_that_is_measured():
    found = best_checkpoint("vit_ti16", 224)
    assert found is not None
    assert (found.preprocessing.size, found.top1) == (224, 75.454)
    larger = best_checkpoint("vit_ti16", 384)
    assert larger is not None
    assert larger.top1 == 78.424
    assert best_checkpoint("vit_ti16", 100) is None


# ------------------------------------------------------------------------------ sizes that are counted


@pytest.mark.slow
@pytest.mark.parametrize("model", NUMBERS)
def test_the_numbers_that_sizes_are_counted_from_are_the_networks(model: str):
    pixels = PRESETS[model].preprocessing.size
    _, parameters, statistics = outline(lambda: create(model, num_classes=1, input_size=pixels))
    count = {path: math.prod(shape) for path, shape in (parameters | statistics).items()}
    backbone = sum(count.values()) - count["head/kernel"] - count["head/bias"]
    if model in CLIP_TEXTS:
        backbone += sum(math.prod(shape) for shape in outline(lambda: create_text(model))[1].values())
    assert NUMBERS[model] == (backbone, count["head/kernel"])


def test_counted_sizes_come_near_the_stated_ones():
    """Keras's and torchvision's files hold little more; OpenAI's have two bytes for most numbers."""
    for name, one in CATALOGUE.items():
        if name == "efficientnet_b0.keras_in1k":
            assert one.mebibytes == 29, "which keras.io says, of a network of 5.3 million parameters"
        elif one.mebibytes and one.publisher != "OpenAI":
            extra = 1.15 if one.model == "inception_v3" else 1.06  # its auxiliary head
            assert 0.96 < one.mebibytes / counted_mebibytes(one) < extra, name


def test_positions_of_another_input_size_are_counted():
    small, large = (
        counted_mebibytes(CATALOGUE[f"vit_b16.augreg_in21k_ft_in1k{size}"]) for size in ("", "_384")
    )
    assert large - small == pytest.approx(4 * (24**2 - 14**2) * 768 / 2**20)


def test_the_resize_that_a_crop_stands_for_is_a_whole_number_of_pixels():
    """torchvision and timm cut the central square out of an image resized to so many pixels."""
    found = {
        name: int(CATALOGUE[name].preprocessing.size / CATALOGUE[name].preprocessing.crop)
        for name in ("resnet50.torchvision_in1k_v1", "resnet50.torchvision_in1k_v2",
                     "vit_l16.torchvision_in1k_v1", "resnet50.a1_in1k")
    }  # fmt: skip
    assert list(found.values()) == [256, 232, 242, 288]


def test_stated_hashes_are_those_that_addresses_and_keras_state():
    assert CATALOGUE["resnet50.torchvision_in1k_v2"].stated_hash == "sha256:11ad3fa6"
    for name, checkpoint in CATALOGUE.items():
        kind, _, digits = (checkpoint.stated_hash or "").partition(":")
        if kind == "sha256":  # torchvision, open_clip and OpenAI
            assert digits in checkpoint.address, name
            assert len(digits) == (64 if checkpoint.publisher == "OpenAI" else 8), name
        elif kind:
            assert (kind, len(digits)) == ("md5", 32), name


# --------------------------------------------------------------------------------- the file


def test_a_name_is_downloaded_once(enter, server: Server, cache: Path):
    checkpoint = enter(stated_hash=f"sha256:{SHA256[:8]}")
    path, found = locate("net.mine")
    assert found == checkpoint
    assert path == cache / "net.mine.npz"
    assert path.read_bytes() == CONTENT
    assert locate("net.mine") == (path, checkpoint)
    assert len(server.asked) == 1
    assert not [file for file in cache.iterdir() if ".part" in file.name]


@pytest.mark.parametrize("stated", [f"sha256:{SHA256}", f"sha256:{SHA256[:8]}", f"md5:{MD5}"])
def test_a_file_with_another_hash_than_its_publisher_states_is_removed(enter, server, cache, stated):
    enter(stated_hash=stated)
    server.content = b"other" + CONTENT
    with pytest.raises(
        InputError, match=r"what came from .*/w\.npz is not net\.mine\.npz; it is removed"
    ):
        locate("net.mine")
    assert not [file for file in cache.iterdir() if not file.name.startswith(".")]
    server.content = CONTENT
    assert locate("net.mine")[0].read_bytes() == CONTENT


def test_both_hashes_stand_in_the_error(enter, server: Server):
    enter(stated_hash=f"md5:{MD5}")
    server.content = b"other"
    wrong = hashlib.md5(b"other").hexdigest()
    with pytest.raises(InputError, match=f"its md5 is {wrong}, and should be {MD5}"):
        locate("net.mine")


def test_the_hash_of_a_redirect_counts_as_the_publishers(enter, server: Server):
    enter("/redirect?.npz")
    server.linked = "0" * 64
    with pytest.raises(InputError, match="should be 0000"):
        locate("net.mine")


def test_a_hash_that_nobody_states_is_recorded_and_must_stay(enter, server: Server, cache: Path):
    enter()
    path, _ = locate("net.mine")
    assert json.loads((cache / "net.mine.npz.json").read_text())["sha256"] == SHA256
    path.unlink()
    server.content = CONTENT[::-1]
    with pytest.raises(InputError, match=f"should be {SHA256}"):
        locate("net.mine")
    assert not path.exists()


def test_a_file_that_was_changed_in_the_cache_is_refused(enter, cache: Path):
    enter()
    path, _ = locate("net.mine")
    path.write_bytes(b"changed")
    with pytest.raises(InputError, match=r"net\.mine\.npz is not as it was when it came"):
        locate("net.mine")


def test_a_file_that_was_put_there_by_hand_is_checked_too(enter, server: Server, cache: Path):
    enter(stated_hash=f"md5:{MD5}")
    cache.mkdir(parents=True)
    (cache / "net.mine.npz").write_bytes(b"wrong")
    with pytest.raises(InputError, match=r"net\.mine\.npz is not http://.*; delete it: its md5"):
        locate("net.mine")
    (cache / "net.mine.npz").write_bytes(CONTENT)
    assert locate("net.mine")[0] == cache / "net.mine.npz"
    assert server.asked == []


@pytest.mark.parametrize(
    ("page", "reason"), [("/gone", "404 Not Found"), ("http://127.0.0.1:9/w.npz", "ConnectionError")]
)
def test_a_failed_download_names_the_address_and_where_to_put_the_file(enter, cache, page, reason):
    checkpoint = enter(page + "?.npz")
    with pytest.raises(InputError) as failed:
        locate("net.mine")
    message = str(failed.value)
    assert message.startswith(f"cannot download {checkpoint.address} ({reason}); try again, or fetch it")
    assert message.endswith(f"put it at {cache / 'net.mine.npz'}")


def test_two_processes_that_want_one_file_fetch_it_once(server: Server, enter, cache: Path):
    server.content = CONTENT * 500
    checkpoint = enter()
    script = (
        "import sys; from vitlab.weights import CATALOGUE, Checkpoint, Preprocessing, locate;"
        "plain = Preprocessing(224, 'bicubic', 1.0, crop_first=False);"
        "CATALOGUE['net.mine'] = Checkpoint('net', 'mine', 'nobody', sys.argv[1], None, '', plain);"
        "locate('net.mine')"
    )
    command = [sys.executable, "-c", script, checkpoint.address]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert (cache / "net.mine.npz").read_bytes() == server.content
    assert len(server.asked) == 1


def test_a_path_a_trained_model_and_an_unknown_name(tmp_path: Path):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"")
    assert locate(str(file)) == (file, None)
    assert locate(str(tmp_path)) == (file, None)
    (tmp_path / "d.pth").mkdir()
    with pytest.raises(
        InputError, match=r"d\.pth is a folder without weights\.safetensors; give a file"
    ):
        locate(str(tmp_path / "d.pth"))
    with pytest.raises(InputError, match=r"there is no file .*gone\.npz"):
        locate(str(tmp_path / "gone.npz"))
    with pytest.raises(InputError, match=r"unknown weights 'vit_ti16\.augreg'.*did you mean vit_ti16"):
        locate("vit_ti16.augreg")
