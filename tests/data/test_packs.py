"""The cache of decoded images: whole or not there, shared, bounded."""

import multiprocessing
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vitlab import config, runtime
from vitlab.data import clear_pixels, packs
from vitlab.data import pixels as pixels_module
from vitlab.data.pixels import Recipe, load_pixels
from vitlab.data.sources import files as files_module
from vitlab.data.sources import open_source
from vitlab.errors import InputError
from vitlab.weights import Preprocessing

EIGHT = Preprocessing(size=8, interpolation="bilinear", crop=0.875, crop_first=False)
IMAGE = 8 * 8 * 3  # bytes


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITLAB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded from now on."""
    names: list[str] = []
    decode = files_module.decode

    def counted(path: Path, *rest):
        names.append(path.name)
        return decode(path, *rest)

    monkeypatch.setattr(files_module, "decode", counted)
    return names


def load(folder: Path, mode="squash"):
    source = open_source(config.Dataset(path=str(folder)))
    return load_pixels(source, Recipe(EIGHT, mode))


def all_pixels(folder: Path) -> np.ndarray:
    found = load(folder)
    return found.array[found.rows]


def kept() -> list[Path]:
    return sorted(runtime.cache_folder("pixels").glob(f"*/*/{packs.PIXELS}"))


def test_a_collection_that_gains_an_image_decodes_one(image_folder, decoded):
    folder = image_folder({"a": 5, "b": 5})
    before = all_pixels(folder)
    assert len(decoded) == 10
    Image.new("RGB", (9, 9), "red").save(folder / "b" / "new.png")
    after = all_pixels(folder)
    assert decoded[10:] == ["new.png"]
    np.testing.assert_array_equal(after[:10], before)
    assert (after[10] == (255, 0, 0)).all()


def test_another_way_of_making_pixels_is_another_entry(image_folder, decoded):
    folder = image_folder({"a": 2, "b": 2})
    load(folder)
    load(folder, "crop")
    assert len(decoded) == 8


@pytest.mark.parametrize("damage", ["cut short", "not JSON", "half removed"])
def test_a_damaged_pack_is_made_again_with_a_word(image_folder, decoded, capsys, damage: str):
    folder = image_folder({"a": 3, "b": 3})
    before = all_pixels(folder)
    (pack,) = kept()
    if damage == "cut short":
        pack.write_bytes(pack.read_bytes()[:-100])
    elif damage == "not JSON":
        (pack.parent / packs.FOUND).write_text("{")
    else:
        (pack.parent / packs.FOUND).unlink()
    np.testing.assert_array_equal(all_pixels(folder), before)
    assert len(decoded) == 12
    if damage != "half removed":
        assert re.search(
            r"images in .* are damaged \(.*\); they are made again", capsys.readouterr().out
        )


def test_changed_pixels_are_an_error_and_the_next_run_makes_them_again(image_folder):
    folder = image_folder({"a": 3, "b": 3})
    before = all_pixels(folder)
    (pack,) = kept()
    pack.write_bytes(pack.read_bytes()[:-1] + b"\x99")
    with pytest.raises(InputError, match="were damaged; they are removed: run again"):
        all_pixels(folder)
    np.testing.assert_array_equal(all_pixels(folder), before)


def test_a_first_pass_that_is_stopped_keeps_the_packs_that_it_wrote(image_folder, decoded, monkeypatch):
    folder = image_folder({"a": 5, "b": 5})
    monkeypatch.setattr(pixels_module, "PACK_BYTES", 4 * IMAGE)
    write = pixels_module.write_pack
    written: list[object] = []

    def stopping(*arguments):
        if len(written) == 2:
            raise KeyboardInterrupt
        write(*arguments)
        written.append(arguments)

    monkeypatch.setattr(pixels_module, "write_pack", stopping)
    with pytest.raises(KeyboardInterrupt):
        load(folder)
    monkeypatch.setattr(pixels_module, "write_pack", write)
    del decoded[:]
    load(folder)
    assert len(decoded) == 2


def test_a_collection_that_grows_day_by_day_does_not_open_a_file_for_each_day(
    image_folder, decoded, monkeypatch
):
    monkeypatch.setattr(pixels_module, "MOST_PACKS", 4)
    folder = image_folder({"a": 3, "b": 3})
    load(folder)
    for day in range(12):
        Image.new("RGB", (9, 9), (day, 0, 0)).save(folder / "b" / f"new{day:02d}.png")
        load(folder)
    assert len(decoded) == 18
    assert len(kept()) <= 6
    assert all_pixels(folder)[6:, 0, 0, 0].tolist() == list(range(12))


def test_the_longest_unused_pack_goes_first_and_none_that_is_read(image_folder, monkeypatch, capsys):
    monkeypatch.setenv(packs.LIMIT, str(13 * IMAGE / 2**30))
    first = load(image_folder({"a": 3, "b": 3}, "first"))
    (pack,) = kept()
    os.utime(pack.parent, (1, 1))
    load(image_folder({"c": 3, "d": 3}, "second", size=10))
    load(image_folder({"e": 3, "f": 3}, "third", size=11))
    assert pack in kept()  # `first` still reads it
    assert len(kept()) == 2  # the second, which nobody reads, is gone instead
    monkeypatch.setenv(packs.LIMIT, "0")
    load(image_folder({"g": 3, "h": 3}, "fourth", size=9))
    assert "more than the 0 GiB that they may" in capsys.readouterr().out
    assert first.array[first.rows].shape == (6, 8, 8, 3)
    del first
    packs.make_room()
    assert kept() == []


def test_what_was_opened_last_stays(image_folder, monkeypatch):
    load(image_folder({"a": 3, "b": 3}, "first"))
    (first,) = kept()
    load(image_folder({"c": 3, "d": 3}, "second", size=10))
    (second,) = set(kept()) - {first}
    for opened_last, other in ((first, second), (second, first)):
        os.utime(other.parent, (1, 1))
        os.utime(opened_last.parent, (2, 2))
        assert [folder for folder, _ in packs._oldest_first()] == [other.parent, opened_last.parent]
    monkeypatch.setenv(packs.LIMIT, str(7 * IMAGE / 2**30))
    packs.make_room()
    assert kept() == [second]


def test_clearing_removes_what_a_killed_writer_has_left_but_not_what_is_being_written(capsys):
    folder = runtime.cache_folder("pixels") / "way"
    unfinished = folder / ".pack.0123abcd.part"
    unfinished.mkdir(parents=True)
    (unfinished / "pixels.u8").write_bytes(b"x" * 2**24)
    with packs.only_writer(folder):
        clear_pixels()
        assert unfinished.exists()
    clear_pixels()
    assert not unfinished.exists()
    said = "decoded images: {} GiB removed\n"
    assert capsys.readouterr().out == said.format("0.00") + said.format("0.02")


def test_clearing_removes_all_but_what_is_read(image_folder, capsys):
    used = load(image_folder({"a": 3, "b": 3}, "first"))
    load(image_folder({"c": 3, "d": 3}, "second", size=10))
    clear_pixels()
    assert len(kept()) == 1
    assert "are in use and stay" in capsys.readouterr().out
    del used
    clear_pixels()
    assert kept() == []


def test_a_limit_that_is_no_number_is_refused(image_folder, monkeypatch):
    monkeypatch.setenv(packs.LIMIT, "plenty")
    with pytest.raises(InputError, match="VITLAB_PIXELS_GIB is 'plenty'; it must be a number of GiB"):
        load(image_folder({"a": 3, "b": 3}))


def load_in_a_process(folder: Path, answers) -> None:
    answers.put(all_pixels(folder))


def test_two_writers_at_once_end_with_one_pack_and_the_same_pixels(image_folder):
    folder = image_folder({"a": 20, "b": 20})
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    writers = [context.Process(target=load_in_a_process, args=(folder, answers)) for _ in range(2)]
    for writer in writers:
        writer.start()
    one, other = (answers.get(timeout=120) for _ in writers)
    for writer in writers:
        writer.join()
    np.testing.assert_array_equal(one, other)
    assert len(kept()) == 1


@pytest.mark.parametrize("what", ["changes", "disappears"])
def test_a_file_that_changes_while_it_is_read_is_named_and_nothing_false_is_kept(
    image_folder, monkeypatch, what: str
):
    folder = image_folder({"a": 3, "b": 3})
    source = open_source(config.Dataset(path=str(folder)))
    victim = folder / "a" / "001.png"
    whole = victim.read_bytes()
    if what == "changes":
        Image.new("RGB", (9, 9), "red").save(victim)
    else:
        victim.unlink()
    with pytest.raises(InputError, match=r"a/001\.png changed or disappeared while it was read"):
        load_pixels(source, Recipe(EIGHT, "squash"))
    assert kept() == []
    victim.write_bytes(whole)
    found = load_pixels(source, Recipe(EIGHT, "squash"))
    assert (found.rows >= 0).all()


def test_images_that_disappear_after_they_were_read_are_not_missed(image_folder):
    folder = image_folder({"a": 3, "b": 3})
    found = load(folder)
    before = found.array[found.rows]
    for file in [*folder.rglob("*.png"), *runtime.cache_folder("pixels").rglob("*.*")]:
        file.unlink()
    np.testing.assert_array_equal(found.array[found.rows], before)


@pytest.mark.slow
def test_twenty_thousand_images_of_224_take_less_than_500_mb(tmp_path: Path):
    """Also while all of them are read."""
    side, count, per_pack = 224, 20_000, 1000
    image = side * side * 3
    kept_in = []
    for first in range(0, count, per_pack):
        ids = [f"{index:064x}" for index in range(first, first + per_pack)]
        outcomes = (
            packs.Outcome(np.full((side, side, 3), index % 256, np.uint8))
            for index in range(first, first + per_pack)
        )
        packs.write_pack(tmp_path / "way", ids, outcomes)
        kept_in += ids
    before = resident_bytes()
    array = packs.PackedPixels(packs.open_packs(tmp_path / "way", kept_in, side), kept_in, side)
    for first in range(0, count, 100):
        batch = array[np.arange(first, first + 100)]
        assert (batch[:, 5, 5, 1] == np.arange(first, first + 100) % 256).all()
    assert resident_bytes() - before < 200e6 < count * image / 10


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
