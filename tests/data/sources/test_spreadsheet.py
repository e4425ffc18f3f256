"""A table of images as people export it, with what is wrong in it."""

import dataclasses
from pathlib import Path

import pytest

from vitlab import config
from vitlab.data.sources import open_source
from vitlab.errors import InputError


@pytest.fixture
def shop(image_folder, tmp_path: Path):
    """Writes `shop.csv` beside `images/a/000.png` to `images/b/001.png`, and opens it."""
    image_folder({"a": 2, "b": 2})

    def write(text: str | bytes, **settings):
        file = tmp_path / "shop.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        dataset = config.Dataset(path=str(file), images="images")
        return open_source(dataclasses.replace(dataset, **settings), fewest_classes=1)

    return write


def test_columns_are_found_by_name_and_paths_may_have_either_slash(shop):
    """S4-01."""
    source = shop(
        'what,where,who,says\ncat,a/000.png,x,"small, \nwhite"\ndog,b\\001.png,y,"a ""big"" one"\n',
        columns=config.Columns("where", "what", group="who", description="says", kept=("who",)),
    )
    table = source.table
    assert table.paths == ("a/000.png", "b/001.png")
    assert [table.class_names[label] for label in table.labels] == ["cat", "dog"]
    assert table.columns == {
        "group": ("x", "y"),
        "description": ("small, \nwhite", 'a "big" one'),
        "who": ("x", "y"),
    }
    assert source.read(1).image.size == (12, 12)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("path;label\na/000.png;été\n".encode("latin-1"), "latin-1"),
        ("path\tlabel\r\na/000.png\tété\r\n".encode(), "utf-8"),
        (b"\xef\xbb\xbf" + "path,label\na/000.png,été\n\n".encode(), "utf-8"),
        ("path,label\na/000.png,été".encode("utf-16"), "utf-16"),
        ("path;label;x, y, z\na/000.png;été;1\n".encode(), "utf-8"),
        ('"x, y, z";path;label\n1;a/000.png;été\n'.encode(), "utf-8"),
    ],
    ids=["semicolons", "tabs", "mark", "utf-16", "as many commas", "commas in quotes"],
)
def test_files_of_other_programs(shop, text: bytes, encoding: str):
    assert shop(text, encoding=encoding).table.class_names == ("été",)


@pytest.mark.parametrize(
    ("cell", "level", "label"),
    [
        ('"[""Home >> Curtains >> Door >> Elega...""]"', 1, "Home"),
        ('"[""Home >> Curtains >> Door""]"', 2, "Home >> Curtains"),
        ("Watches>>Wrist", 1, "Watches"),
        ('"[""cut off >> in the mid"', 1, "cut off"),
    ],
)
def test_a_label_is_cut_out_of_a_category_tree(shop, cell: str, level: int, label: str):
    source = shop(f"path,label\na/000.png,{cell}\n", label_separator=">>", label_level=level)
    assert source.table.class_names == (label,)


def test_rows_that_name_no_label_at_a_level_are_left_out_and_named(shop, capsys):
    text = "path,label\na/000.png,Home >> Curtains\na/001.png,Home\nb/000.png,Home >> \n"
    table = shop(text, label_separator=">>", label_level=2).table
    assert table.paths == ("a/000.png",)
    said = capsys.readouterr().out
    assert "2 rows of" in said and "line 3: a/001.png" in said and "line 4: b/000.png" in said


def test_rows_of_one_image_count_once_and_contradictions_not_at_all(shop, capsys):
    rows = ["a/000.png,cat", "a\\000.png,cat", "a/001.png,cat", "a/./001.png,dog", "b/000.png,dog"]
    table = shop("path,label\n" + "\n".join(rows) + "\n,cat\n").table
    assert table.paths == ("a/000.png", "b/000.png")
    said = capsys.readouterr().out
    assert "1 row of" in said and "names an image again" in said and "line 3: a/000.png" in said
    assert "2 rows of" in said and "something else" in said and "line 5: a/001.png" in said
    assert "line 7: no path" in said


def test_a_column_that_has_a_meaning_is_not_passed_on_as_another(shop):
    with pytest.raises(InputError, match="the name 'group' has another meaning"):
        shop("path,label,group\na/000.png,x,1\n", columns=config.Columns(kept=("group",)))


def test_rows_of_one_image_in_two_parts_contradict_each_other(shop, capsys):
    columns = config.Columns(part="part", republish="show")
    text = (
        "path,label,part,show\na/000.png,x,,\na/000.png,x,,no\nb/000.png,y,test,\nb/000.png,y,train,\n"
    )
    assert shop(text + "a/001.png,x,,\n", columns=columns).table.paths == ("a/001.png",)
    assert "4 rows of" in capsys.readouterr().out


def test_a_label_of_spaces_is_none(shop, capsys):
    assert shop('path,label\na/000.png,x\na/001.png," "\n').table.class_names == ("x",)
    assert "line 3: a/001.png" in capsys.readouterr().out


def test_a_missing_file_is_in_the_table_and_unreadable(shop):
    source = shop("path,label\na/000.png,cat\nb/nowhere.png,dog\n")
    assert source.table.ids[1].startswith("unreadable:")


def test_parts_and_hard_groups_are_read(shop):
    """S2-03."""
    text = "path,label,part,kind\na/000.png,cat,Training,\na/001.png,cat,,blurred\nb/000.png,dog,test,\n"
    table = shop(text, columns=config.Columns(part="part", hard="kind")).table
    assert table.column("part") == ("train", "", "test")
    assert table.column("hard") == ("", "blurred", "")


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        (
            "path,class\na/000.png,x\n",
            {},
            r"unknown column of .*shop.csv 'label' \(dataset.columns.label\)",
        ),
        (
            "path,label\na/000.png,x\n",
            dict(columns=config.Columns(group="who")),
            "'who' .*columns.group",
        ),
        (
            "path,label\na/000.png,x\n",
            dict(columns=config.Columns(kept=("path",))),
            "has another meaning",
        ),
        ("path,label,label\na,b,c\n", {}, "has the column 'label' twice"),
        ("path,label\na/000.png,x,y\n", {}, "line 2: 3 cells, but 2 columns"),
        ('path,label\n"a/000.png,x\n', {}, "line 2: unexpected end of data"),
        ("path,label\na/000.png,x\na/\0.png,x\n", {}, "line 3: a character of zero"),
        ("path,label\na,x\n".encode("utf-16-le"), {}, "line 1: a character of zero; .*=utf-16"),
        ("path,label\na,x\n".encode("utf-16"), {}, "line 1: byte 0xff is no utf-8; .*=utf-16"),
        ("path;label\na/000.png;x\na/001.png;x;y\n", {}, "line 3: 3 cells, but 2 columns"),
        ('path;label\n"a/000.png;x\n', {}, "line 2: unexpected end of data"),
        ("path,label\n", {}, "has no rows"),
        ("", {}, "has no rows"),
        (b"path,label\na/000.png,x\na/001.png,\xe9t\xe9\n", {}, "line 3: byte 0xe9 is no utf-8"),
        ("path,label\na/000.png,x\n", dict(encoding="klingon"), "unknown encoding 'klingon'"),
        ("path,label\n/etc/passwd,x\n", {}, "line 2: '/etc/passwd' is outside of"),
        ("path,label\na/../../x.png,x\n", {}, "is outside of"),
        ("path,label\n..\\x.png,x\n", {}, "is outside of"),
        ("path,label\nq/0.png,x\nq/1.png,x\n", {}, "none of the 2 images that .* names is in .*images"),
        ('path,label\na/000.png,"x\ny"\n', {}, "has a name that cannot be shown"),
        (
            "path,label,part\na/000.png,x,holdout\n",
            dict(columns=config.Columns(part="part")),
            "line 2: the part 'holdout'; parts are train, val, test, or nothing",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(shop, text, settings, message: str):
    with pytest.raises(InputError, match=message):
        shop(text, **settings)


def test_paths_to_what_is_no_file_are_in_the_table_and_unreadable(shop):
    rows = ["a/000.png,x", "a,x", "a/000.png/..,x", "q" * 5000 + ",x", "https://example.org/a.png,x"]
    long_first = shop("path,label\n" + "q" * 5000 + ",x\n" + "\n".join(rows[:1]) + "\n")
    assert long_first.table.paths == ("q" * 5000, "a/000.png")
    source = shop("path,label\n" + "\n".join(rows) + "\n")
    assert [identity.startswith("unreadable:") for identity in source.table.ids] == [False] + [True] * 3


def test_an_absolute_path_into_the_folder_is_the_same_as_a_relative_one(shop, tmp_path: Path):
    source = shop(f"path,label\n{tmp_path}/images/a/000.png,x\n")
    assert source.table.paths == ("a/000.png",)


@pytest.mark.assets
def test_the_products_as_they_are(assets: Path):
    """S3-01, S4-01: 1050 rows, seven classes of 150; three images are missing."""
    source = open_source(
        config.Dataset(
            path=str(assets / "data/products/products.csv"),
            images="Images",
            columns=config.Columns("image", "product_category_tree", description="description"),
            label_separator=">>",
        )
    )
    assert set(source.table.class_counts().values()) == {150}
    assert len(source.table.class_names) == 7
    missing = [identity for identity in source.table.ids if identity.startswith("unreadable:")]
    assert len(missing) == 3
    assert source.table.column("description")[0].startswith("Key Features of Elegance Polyester")
