"""CLIP's tokenizer, against the golden numbers and plain formulations of what it does.

`tests/parity/compare_tokenizers.py` holds it against open_clip's and Hugging Face's code.
"""

import functools
import gzip
import itertools
import json
import random
import string
import sys
import time
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitlab.errors import InputError
from vitlab.models import Tokenizer, create_text, load_tokenizer
from vitlab.models.tokenizer import clean
from vitlab.weights import merges as published

GOLDEN = Path(__file__).parent.parent / "parity" / "goldens" / "tokens.json"
Merges = Sequence[tuple[str, str]]

CONTRACTED = ("'s", "'\u017f", "'t", "'m", "'d", "'re", "'ve", "'ll")
THE_CAT: Merges = [("t", "h"), ("th", "e</w>"), ("a", "t</w>"), ("c", "at</w>")]


def symbols_of_bytes() -> dict[int, str]:
    """GPT-2's spelling: a byte that can be seen is its own letter, the others count on from 256."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (byte for byte in range(256) if byte not in seen)
    return {byte: chr(byte) for byte in seen} | {byte: chr(256 + n) for n, byte in enumerate(others)}


def vocabulary(merges: Merges) -> list[str]:
    bytes_ = list(symbols_of_bytes().values())
    return bytes_ + [symbol + "</w>" for symbol in bytes_] + [left + right for left, right in merges]


def words_of(text: str) -> list[str]:
    """What OpenAI's pattern finds in a clean text, letter by letter, by Unicode's categories."""
    words: list[str] = []
    place = 0
    while place < len(text):
        kind, stop = kind_of(text[place]), place + 1
        if text.startswith(CONTRACTED, place):
            stop += 2 if text.startswith(("'re", "'ve", "'ll"), place) else 1
        elif kind != "N":
            while stop < len(text) and kind_of(text[stop]) == kind:
                stop += 1
        if kind != " ":
            words.append(text[place:stop])
        place = stop
    return words


@functools.cache
def kind_of(letter: str) -> str:
    """ "L" for a letter, "N" for a number, " " for a blank, "" for all else."""
    if letter.isspace():
        return " "
    category = unicodedata.category(letter)[0]
    return category if category in "LN" else ""


def joined_one_merge_after_another(word: str, merges: Merges) -> list[str]:
    """As OpenAI's code has it: of all pairs in the word the earliest merge's, everywhere at once."""
    spelling = symbols_of_bytes()
    symbols = [spelling[byte] for byte in word.encode()]
    symbols[-1] += "</w>"
    while here := set(itertools.pairwise(symbols)).intersection(merges):
        pair = min(here, key=list(merges).index)
        place, joined = 0, []
        while place < len(symbols):
            is_pair = tuple(symbols[place : place + 2]) == pair
            joined.append("".join(pair) if is_pair else symbols[place])
            place += 1 + is_pair
        symbols = joined
    return symbols


def expected_symbols(text: str, merges: Merges) -> list[str]:
    words = words_of(clean(text))
    return [symbol for word in words for symbol in joined_one_merge_after_another(word, merges)]


def found_symbols(text: str, merges: Merges) -> list[str]:
    names = vocabulary(merges)
    return [names[number] for number in Tokenizer(merges).encode(text)]


def drawn_merges(seed: int, letters: str, count: int) -> Merges:
    draw = random.Random(seed)
    inner, last = list(letters), [letter + "</w>" for letter in letters]
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        left, row = draw.choice(inner), draw.choice((inner, inner, last))
        right = draw.choice(row)
        if left + right not in row:
            row.append(left + right)
            merges.append((left, right))
    return merges


# --------------------------------------------------------------------------------- the numbers


def test_a_row_is_start_text_end_and_zeros():
    rows = Tokenizer(THE_CAT)(["The cat", "", "t"])
    assert rows.dtype == np.int32
    assert rows.shape == (3, 77)
    start, end = 512 + 4, 512 + 5
    t_alone = 256 + ord("t") - ord("!")
    assert rows[:, :4].tolist() == [[start, 513, 515, end], [start, end, 0, 0], [start, t_alone, end, 0]]
    assert not rows[:, 4:].any()


def test_no_texts_are_no_rows():
    assert Tokenizer(THE_CAT)([]).shape == (0, 77)


@given(st.text(max_size=40), st.integers(0, 20))
def test_every_text_gives_its_words_joined_one_merge_after_another(text: str, seed: int):
    merges = drawn_merges(seed, "abe'.\u00c3", 60)
    assert found_symbols(text, merges) == expected_symbols(text, merges)


@given(st.text("abe'. ", max_size=60), st.integers(0, 200))
def test_so_does_a_text_in_which_nearly_every_pair_is_a_merge(text: str, seed: int):
    merges = drawn_merges(seed, "abe'.", 40)
    assert found_symbols(text, merges) == expected_symbols(text, merges)


def test_every_character_is_a_letter_a_number_a_blank_or_something_else_as_unicode_has_it():
    everything = map(chr, range(sys.maxunicode + 1))
    assigned = [one for one in everything if unicodedata.category(one) not in ("Cn", "Co", "Cs")]
    assert len(assigned) > 140_000
    tokenizer, spelling = Tokenizer([]), list(symbols_of_bytes())
    for one in assigned:
        text = f"a{one}1{one}{one}_"
        numbers = tokenizer.encode(text)
        found = bytes(spelling[number % 256] for number in numbers)
        ends = [place for place, number in enumerate(numbers, 1) if number >= 256]
        words = [found[start:stop].decode() for start, stop in itertools.pairwise([0, *ends])]
        assert words == words_of(clean(text)), hex(ord(one))


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("  Two\tblanks,\n a LINE\u00a0\u3000", "two blanks, a line"),
        ("fish &amp;amp; chips", "fish & chips"),
        ("&amp;amp;amp;", "&amp;"),
        ("don\u2019t \u201cquote\u201d me", 'don\'t "quote" me'),
        ("cafe\u0301", "caf\u00e9"),
        ("caf&eacute;", "caf\u00e9"),
        ("\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"),
    ],
)
def test_a_text_is_cleaned_as_openai_cleans_it(raw: str, cleaned: str):
    assert clean(raw) == cleaned


def test_what_looks_like_a_special_token_is_text():
    rows = Tokenizer(THE_CAT)(["the <|endoftext|> cat"])
    assert (rows == 512 + 5).sum() == 1


def test_the_time_for_a_long_word_does_not_grow_with_the_merges_in_it():
    """Half a second; going over the word once for each of its 676 merges takes a hundred times that."""
    letters = string.ascii_lowercase
    tokenizer = Tokenizer([(left, right) for left in letters for right in letters])
    word = "".join(random.Random(0).choices(letters, k=200_000))
    began = time.process_time()
    assert 100_000 < len(tokenizer.encode(word)) < 150_000
    assert time.process_time() - began < 10


# --------------------------------------------------------------------------------- bad input


def test_a_text_that_is_too_long_is_named_and_counted():
    tokenizer = Tokenizer(THE_CAT)
    assert tokenizer(["the " * 75])[0, 76] == tokenizer.end
    with pytest.raises(InputError, match=r"^the text '(the )+'\.\.\. takes 78 tokens, .* reads 77"):
        tokenizer(["cat", "the " * 76])


def test_truncated_it_keeps_its_beginning_and_the_end_token():
    tokenizer = Tokenizer(THE_CAT)
    (row,) = tokenizer(["the " * 70 + "cat " * 70], truncate=True)
    assert row.tolist() == [tokenizer.start, *[513] * 70, *[515] * 5, tokenizer.end]


def test_half_a_surrogate_pair_is_refused():
    """`os.fsdecode` makes them of file names that are not in UTF-8."""
    with pytest.raises(InputError, match=r"^the text 'caf\\udce9' is not Unicode"):
        Tokenizer(THE_CAT)(["caf\udce9"])


def test_one_text_in_the_place_of_a_list_is_refused():
    with pytest.raises(TypeError, match="one text was given for a list"):
        Tokenizer(THE_CAT)("the cat")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["t h", "q zz"], "merge 2, of 'q' and 'zz', joins what is no symbol yet"),
        (["th e", "t h"], "merge 1, of 'th' and 'e', joins what is no symbol yet"),
        (["t h", "t h"], "merge 2, of 't' and 'h', joins .* or makes one that there is"),
    ],
)
def test_merges_that_cannot_be_are_refused_with_their_file(tmp_path, monkeypatch, lines, reason):
    monkeypatch.setattr(published, "COUNT", 2)
    path = tmp_path / "merges.txt.gz"
    path.write_bytes(gzip.compress("\n".join(["title", *lines]).encode()))
    with pytest.raises(InputError, match=f"^merges {path}: {reason}"):
        load_tokenizer(path)


# --------------------------------------------------------------------------------- the real merges


@pytest.fixture(scope="module")
def real(assets: Path) -> Tokenizer:
    return load_tokenizer(assets / "weights" / "bpe_simple_vocab_16e6.txt.gz")


@pytest.mark.assets
def test_golden_numbers(real: Tokenizer):
    assert (real.start, real.end) == (49_406, 49_407)
    golden = json.loads(GOLDEN.read_text())
    assert len(golden) > 10
    assert {text: real.encode(text) for text in golden} == golden


@pytest.mark.assets
def test_the_text_tower_takes_the_rows_as_they_are(real: Tokenizer):
    tower = create_text("clip_vit_b32", width=16, depth=1, heads=2, embedding_width=4)
    rows = real(["a photo of a cat", "a photo of a dog", "A  photo of a cat"])
    embeddings = np.asarray(tower(jnp.asarray(rows)))
    assert embeddings.shape == (3, 4)
    np.testing.assert_allclose(embeddings[0], embeddings[2], atol=1e-6)
    assert np.abs(embeddings[0] - embeddings[1]).max() > 1e-3
