"""Compares our tokenizer with open_clip's and Hugging Face's, and makes the golden token numbers.

    pip install -e .[test,parity]
    python -m tests.parity.compare_tokenizers [--seed=0] [--texts=FILE.csv] [--drawn=5000]

The texts: a few of our own, which make the golden file; every cell of the CSV file; and random Unicode.
open_clip repairs a text with ftfy first, and ours does less of that: the random ones are repaired before
they come to either. Hugging Face's resolves no entities and straightens no quotes: it gets the texts as
ours has cleaned them. Texts with `IOTA` and, for Hugging Face, `LONG_S` are left out. What
differs is printed, and the exit code is 1.
"""

import csv
import json
import random
import sys
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from absl import app, flags

from vitlab.models import load_tokenizer
from vitlab.models.tokenizer import clean
from vitlab.weights import locate_merges, read_merges

Encode = Callable[[str], list[int]]

GOLDEN = Path(__file__).parent / "goldens" / "tokens.json"
OURS = (
    "",
    "a photo of a cat",
    "  Two\tblanks,\n a LINE and \u00a0 capitals  ",
    "it's they're we've I'm you'll he'd don't 'tis rock'n'roll !'s \u2019s '\u017f",
    "don\u2019t \u201cquote\u201d me",
    "fish &amp;amp; chips &lt;b&gt; caf&eacute;",
    "cafe\u0301 caf\u00e9 na\u00efve \u0130stanbul \u039f\u0394\u039f\u03a3 stra\u00dfe",
    "1234567 3.14 10x15cm A4 \u00bd cup x\u00b2 \u2162 \u0664\u0662 \u4e00\u4e8c",
    "snake_case __init__ a_1 C++ $9.99 50% ... --- #tag @home",
    "\u65e5\u672c\u8a9e \u0440\u0443\u0441\u0441\u043a\u0438\u0439 \u0639\u0631\u0628\u064a",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22 \ud55c\uad6d\uc5b4",
    "\U0001f600\U0001f600 \U0001f469\u200d\U0001f4bb \U0001f1eb\U0001f1f7 \u2764\ufe0f",
    "\U0001d54f \U00020000 \U000e0041 \u0378?",
    "supercalifragilisticexpialidocious pneumonoultramicroscopicsilicovolcanoconiosis",
    "x" * 100,
    "decorative items and festive products for home decoration",
)

IOTA = "\u0345"  # below a letter; open_clip's pattern takes it for one
LONG_S = "'\u017f"  # Hugging Face's pattern takes it for no contraction

_SEED = flags.DEFINE_integer("seed", 0, "Of the random texts.", lower_bound=0)
_TEXTS = flags.DEFINE_string("texts", "", "A CSV file with a header, whose cells are texts.")
_DRAWN = flags.DEFINE_integer("drawn", 5000, "Random texts.", lower_bound=0)


def main(_: list[str]) -> None:
    import ftfy
    import open_clip

    ours, theirs = load_tokenizer(), open_clip.tokenizer.SimpleTokenizer(str(locate_merges()))
    hugging_face = _hugging_face()
    cells = _cells(Path(_TEXTS.value)) if _TEXTS.value else []
    drawn = map(ftfy.fix_text, draw_texts(_SEED.value, _DRAWN.value))
    texts = [*OURS, *cells, *(text for text in drawn if IOTA not in text)]
    without_long_s = [text for text in texts if LONG_S not in clean(text)]
    differing = _compare("open_clip", ours.encode, theirs.encode, texts)
    differing += _compare(
        "Hugging Face", ours.encode, lambda text: hugging_face(clean(text)), without_long_s
    )
    if cells:
        fresh = load_tokenizer(), open_clip.tokenizer.SimpleTokenizer(str(locate_merges()))
        for name, encode in (("ours", fresh[0].encode), ("open_clip", fresh[1].encode)):
            print(f"{name:12} {_speed(encode, cells)}")
        print(f"{'Hugging Face':12} {_speed(hugging_face, cells)}")
    if differing:
        raise SystemExit(f"{differing} texts differ")
    lines = (f"{json.dumps(text)}: {json.dumps(theirs.encode(text))}" for text in OURS)
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def draw_texts(seed: int, count: int) -> list[str]:
    """Of one to forty letters of everywhere, some more often: ASCII, quotes, blanks, digits."""
    draw = random.Random(seed)
    points = map(chr, range(sys.maxunicode + 1))
    assigned = [point for point in points if unicodedata.category(point) not in ("Cn", "Co", "Cs")]
    common = [point for point in assigned if ord(point) < 0x3000]
    plain = list("etaoinshrdlu ETAOIN 's't're've'm'll'd 0123456789 _-.,!&;")
    rows = (assigned, common, plain, plain)
    return [
        "".join(draw.choice(draw.choice(rows)) for _ in range(draw.randint(1, 40))) for _ in range(count)
    ]


def _hugging_face() -> Encode:
    """Built from the same merges: its own files would have to be downloaded."""
    from open_clip.tokenizer import bytes_to_unicode
    from transformers import CLIPTokenizer

    merges = read_merges(locate_merges())
    symbols = list(bytes_to_unicode().values())
    symbols += [symbol + "</w>" for symbol in symbols] + [left + right for left, right in merges]
    symbols += ["<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer({symbol: number for number, symbol in enumerate(symbols)}, merges)
    return lambda text: tokenizer(text)["input_ids"][1:-1]


def _cells(file: Path) -> list[str]:
    with open(file, newline="", encoding="utf-8") as lines:
        return [cell for row in csv.reader(lines) for cell in row]


def _compare(name: str, ours: Encode, theirs: Encode, texts: Sequence[str]) -> int:
    differing = [text for text in texts if ours(text) != theirs(text)]
    print(f"{name:12} {len(texts) - len(differing)} of {len(texts)} texts agree")
    for text in differing[:10]:
        print(f"  {text[:100]!a}")
    return len(differing)


def _speed(encode: Encode, texts: Sequence[str]) -> str:
    """Of the first time, and of the second, when words are remembered."""
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        for text in texts:
            encode(text)
        seconds.append(time.perf_counter() - began)
    return ", then ".join(f"{len(texts) / one:.0f} texts/s" for one in seconds)


if __name__ == "__main__":
    app.run(main)
