"""Files appear whole or not at all."""

import errno
import json
import os
from pathlib import Path

import pytest

from vitlab import files
from vitlab.errors import InputError
from vitlab.progress import duration


def test_a_file_replaces_another_only_when_it_is_whole(tmp_path: Path):
    path = tmp_path / "deep" / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("the process has a bug here")
    assert path.read_text() == "old"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]


def test_a_folder_appears_whole_and_replaces_the_one_before(tmp_path: Path):
    path = tmp_path / "model"
    for content in ("one", "two"):
        with files.replacing_folder(path) as unfinished:
            (unfinished / content).write_text(content)
            assert content == "one" or (path / "one").exists()
    assert [entry.name for entry in path.iterdir()] == ["two"]
    with pytest.raises(RuntimeError), files.replacing_folder(path) as unfinished:
        raise RuntimeError
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_a_failed_write_names_the_file_and_the_way_out(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write .*file/a\.txt: .*; choose another place"):
        files.write_text(tmp_path / "file" / "a.txt", "x")


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "No space left on device; free some space, or choose a folder with more"),
        (errno.EACCES, "Permission denied; choose a folder that you may write to"),
        (errno.ENOENT, "No such file or directory; choose another place"),
    ],
)
def test_the_advice_fits_what_went_wrong(number: int, advice: str):
    error = files.write_error(Path("a"), OSError(number, os.strerror(number)))
    assert str(error) == f"cannot write a: {advice}"


def test_a_place_is_tried_before_the_work_and_left_as_it_was(tmp_path: Path):
    files.check_writable(tmp_path / "new" / "deep" / "a.txt")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path / "file" / "a.txt", tmp_path / "file" / "deep" / "a.txt", tmp_path):
        with pytest.raises(InputError, match=r"cannot write .*; choose another place"):
            files.check_writable(wrong)
    with pytest.raises(InputError, match=r"cannot write /proc/a\.txt: "):  # where even root may not
        files.check_writable(Path("/proc/a.txt"))


def test_json_has_no_nan(tmp_path: Path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not (tmp_path / "a.json").exists()


def test_lists_of_whole_numbers_stand_on_one_line_of_json(tmp_path: Path):
    value = {"a": [[1, -2], [], [3]], "b": [1.5, 2], "c": "[\n 1\n]", "d": [{"e": [0] * 3}], "f": [True]}
    files.write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == value
    assert "[1, -2],\n" in text
    assert '"e": [0, 0, 0]\n' in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.034, "0.034 s"), (9.26, "9.3 s"), (42.4, "42 s"), (59.6, "1 min 0 s"), (7800, "2 h 10 min")],
)
def test_durations_read_like_speech(seconds: float, text: str):
    assert duration(seconds) == text


def test_old_leftovers_are_swept_and_nothing_else(tmp_path: Path):
    old, new = tmp_path / ".a.0123abcd.part", tmp_path / "deep" / ".b.89abcdef.part"
    other = tmp_path / ".mine.part"
    old.mkdir()
    new.parent.mkdir()
    for path in (new, other):
        path.write_text("")
    os.utime(old, (0, 0))
    files.sweep(tmp_path, older_than_seconds=3600)
    assert (old.exists(), new.exists(), other.exists()) == (False, True, True)
    files.sweep(tmp_path)
    assert (new.exists(), other.exists()) == (False, True)
