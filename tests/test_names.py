"""What is said of a name that is not known, and how names of files are shown."""

import pytest

from vitlab.errors import InputError
from vitlab.names import shown, unknown

MANY = [f"network_{number:03}" for number in range(254)]


@pytest.mark.parametrize(
    ("name", "known", "listed", "advice"),
    [
        ("vit_ti15", ["vit_ti16", "resnet50"], "", "did you mean vit_ti16?"),
        ("vit_ti15", ["vit_ti16", "resnet50"], "--list", "did you mean vit_ti16?"),
        ("magic", ["b", "a"], "", "known: a, b"),
    ],
)
def test_the_advice(name: str, known: list[str], listed: str, advice: str):
    assert (
        unknown("model", name, known, "--model", listed) == f"unknown model {name!r} (--model); {advice}"
    )


def test_of_many_names_that_are_listed_somewhere_three_are_named_and_the_place():
    message = unknown("weights", "0_3_7", MANY, "--weights", "--list")
    start = "unknown weights '0_3_7' (--weights); the nearest of 254 are "
    assert message.startswith(start)
    assert message.endswith("; see --list")
    named = message.removeprefix(start).removesuffix("; see --list").split(", ")
    assert len(named) == 3
    assert set(named) <= set(MANY)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("two\nlines\t.jpg", "two\\nlines\\t.jpg"),
        ("gpj.\u202etac", "gpj.\\u202etac"),
        ("a\u2028b\x7f", "a\\u2028b\\x7f"),
        ("\udce9.jpg", "\\udce9.jpg"),
        ("café 👩‍🌾 تفاح <b>.jpg", "café 👩‍🌾 تفاح <b>.jpg"),
    ],
)
def test_a_name_is_shown_on_one_line_as_it_is(name: str, text: str):
    assert shown(name) == text


def test_an_error_is_one_line_and_a_line_for_each_of_its_rows():
    error = InputError("no image a\nb.png", "  unused: c\u202ed", "  unused: e")
    assert str(error) == "no image a\\nb.png\n  unused: c\\u202ed\n  unused: e"
