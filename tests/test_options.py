"""Options of a network on a command line."""

import pytest

from vitlab.errors import InputError
from vitlab.options import read_options


def test_numbers_lists_and_words_are_read():
    assert read_options("stages=((32,), [64, 64]), pooling=average, width=0.5, pre_logits=True") == {
        "stages": ((32,), [64, 64]),
        "pooling": "average",
        "width": 0.5,
        "pre_logits": True,
    }
    assert read_options("") == {}


def test_truth_values_may_be_written_as_flags_write_them():
    found = read_options("pre_logits=true, normalised=false, bias=True, unbiased=False")
    assert found == {"pre_logits": True, "normalised": False, "bias": True, "unbiased": False}
    assert read_options("pooling='true'") == {"pooling": "true"}


@pytest.mark.parametrize(
    "text",
    [
        "patch",
        "patch=",
        "16",
        "**{'a': 1}",
        "a=1) + dict(b=2",
        "a=1, a=2",
        "a=print(1)",
        "a=" + "(" * 999,
        "\0",
    ],
)
def test_anything_else_is_refused_and_nothing_of_it_runs(text: str, capsys):
    with pytest.raises(InputError, match=r"--options is .*; write it as --options='stages="):
        read_options(text)
    assert not capsys.readouterr().out
