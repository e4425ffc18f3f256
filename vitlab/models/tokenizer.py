"""CLIP's tokenizer: texts as rows of token numbers, by byte-pair encoding (Sennrich et al. 2016).

A text is cleaned, cut into words, and each word into the symbols of its UTF-8 bytes; then neighbours
are joined, those of the earliest merge first, until no merge is left. As in OpenAI's code, and unlike
Hugging Face's, HTML entities are resolved and curly quotes straightened first.
"""

import functools
import heapq
import html
import itertools
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from vitlab import weights
from vitlab.errors import InputError
from vitlab.models.clip import CONTEXT

# Bytes have their numbers in this order, and are spelt as the letter of the same number or, where that
# would be a blank or a control character, as one from 256 on (GPT-2's; Radford et al. 2019).
_VISIBLE = (*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100))
_BYTES = (*_VISIBLE, *(byte for byte in range(256) if byte not in _VISIBLE))
_SYMBOLS = (*map(chr, _VISIBLE), *map(chr, range(256, 2 * 256 - len(_VISIBLE))))
_NUMBERS = {byte: number for number, byte in enumerate(_BYTES)}
_LAST = 256  # is added to the number of the byte that ends a word
_END_OF_WORD = "</w>"

_WORDS_REMEMBERED = 2**16
# Letters, one digit, or anything else that is no blank; contractions apart. Python's \w is the letters,
# numbers and underscore, but its \d only the decimal ones: `_parts` sees to numbers such as a half.
# \u017f is the long s, which OpenAI's pattern takes for an s.
_RUNS = re.compile(r"'(?:[s\u017ftmd]|re|ve|ll)|[^\W\d_]+|\d|(?:[^\w\s]|_)+")

# What ftfy, which OpenAI's code calls, takes for a single and for a double quote.
_CURLY = {"'": "\u02bc\u2018\u2019\u201a\u201b", '"': "\u201c\u201d\u201e\u201f"}
_STRAIGHT = {ord(curly): straight for straight, row in _CURLY.items() for curly in row}


def load_tokenizer(merges: str | Path | None = None) -> "Tokenizer":
    """CLIP's, of all its published weights; from a file of `merges`, or OpenAI's, downloaded once.

    Raises:
        InputError: the download failed, or the file is not one of CLIP's merges.
    """
    path = Path(merges) if merges else weights.locate_merges()
    try:
        return Tokenizer(weights.read_merges(path))
    except ValueError as error:
        raise InputError(f"merges {path}: {error}") from error


class Tokenizer:
    """Numbers: 256 bytes, the same as ends of words, the merges, then the start and the end of a text.

    It keeps what it made of the words that it has met.
    """

    def __init__(self, merges: Sequence[tuple[str, str]]):
        """Raises ValueError if a merge joins what is no symbol yet, or makes one that is there."""
        symbols = [*_SYMBOLS, *(symbol + _END_OF_WORD for symbol in _SYMBOLS)]
        numbers = {symbol: number for number, symbol in enumerate(symbols)}
        self._joined: dict[tuple[int, int], int] = {}
        for left, right in merges:
            if left not in numbers or right not in numbers or left + right in numbers:
                raise ValueError(
                    f"merge {len(self._joined) + 1}, of {left!r} and {right!r}, joins what is no symbol "
                    "yet, or makes one that there is"
                )
            self._joined[numbers[left], numbers[right]] = len(numbers)
            numbers[left + right] = len(numbers)
        self.start = len(numbers)
        self.end = len(numbers) + 1
        self._remembered = functools.lru_cache(_WORDS_REMEMBERED)(self._encode_run)

    def __call__(
        self, texts: Sequence[str], *, truncate: bool = False
    ) -> Int32[np.ndarray, "texts length"]:
        """Rows of 77 numbers, as the text tower takes them: start, text, end, then zeros.

        Args:
            truncate: keeps of a text that is too long its beginning, and the end token.

        Raises:
            InputError: a text is too long, or holds half a surrogate pair.
        """
        if isinstance(texts, str):
            raise TypeError("one text was given for a list of texts")
        rows = np.zeros((len(texts), CONTEXT), np.int32)
        for row, text in zip(rows, texts, strict=True):
            numbers = self.encode(text)
            if len(numbers) > CONTEXT - 2 and not truncate:
                raise InputError(
                    f"the text {_shown(text)} takes {len(numbers) + 2} tokens, its start and end "
                    f"counted, and CLIP reads {CONTEXT}; shorten it, or truncate"
                )
            kept = numbers[: CONTEXT - 2]
            row[: len(kept) + 2] = [self.start, *kept, self.end]
        return rows

    def encode(self, text: str) -> list[int]:
        """All numbers of a text, without start and end.

        They are those of OpenAI's code for every text that is clean already, but for two things. What
        looks like a special token (`<|endoftext|>`) is text here, and would be the token there. And
        U+0345, an iota below a letter with which it was not composed, counts as a letter there.
        """
        try:
            return [number for run in _RUNS.findall(clean(text)) for number in self._remembered(run)]
        except UnicodeEncodeError as error:
            raise InputError(f"the text {_shown(text)} is not Unicode: {error.reason}") from error

    def _encode_run(self, run: str) -> tuple[int, ...]:
        return tuple(number for part in _parts(run) for number in self._encode_word(part))

    def _encode_word(self, word: str) -> list[int]:
        """Joins the pair of the lowest number, the leftmost first, until none is left.

        No merge makes what an earlier one uses, so this is the order of OpenAI's code, which joins all
        pairs of one merge at a time; with a heap, a word of n bytes takes n log n steps, not n squared.
        """
        numbers = [_NUMBERS[byte] for byte in word.encode()]
        numbers[-1] += _LAST
        count = len(numbers)
        before, behind = list(range(-1, count - 1)), list(range(1, count + 1))
        heap = [
            (joined, place)
            for place, pair in enumerate(itertools.pairwise(numbers))
            if (joined := self._joined.get(pair))
        ]
        heapq.heapify(heap)
        while heap:
            joined, place = heapq.heappop(heap)
            follower = behind[place]
            if follower == count or self._joined.get((numbers[place], numbers[follower])) != joined:
                continue  # one of the two has been joined to another since
            numbers[place], numbers[follower] = joined, -1
            behind[place] = behind[follower]
            if behind[place] < count:
                before[behind[place]] = place
            for left in (before[place], place):
                if left >= 0 and behind[left] < count:
                    fresh = self._joined.get((numbers[left], numbers[behind[left]]))
                    if fresh:
                        heapq.heappush(heap, (fresh, left))
        return [number for number in numbers if number >= 0]


def clean(text: str) -> str:
    """Entities resolved twice, quotes straight, composed (NFC), blanks folded, in lower case.

    OpenAI's code calls ftfy first, of which this does the quotes and NFC. It does not repair text that
    was decoded wrongly, split ligatures, narrow full-width letters, or drop control characters.
    """
    text = html.unescape(html.unescape(text)).translate(_STRAIGHT)
    return " ".join(unicodedata.normalize("NFC", text).split()).lower()


def _parts(run: str) -> list[str]:
    """The words of a run: of letters together, of numbers each by itself."""
    if not run[0].isalnum():
        return [run]
    parts: list[str] = []
    for are_letters, group in itertools.groupby(run, str.isalpha):
        found = "".join(group)
        parts += [found] if are_letters else found
    return parts


def _shown(text: str) -> str:
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}..."
