"""Every sentence of a page has its French, which keeps its values; names are never translated."""

import ast
import copy
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path

import jinja2
import jinja2.nodes
import pytest

from tests.configs.small import get_config
from tests.conftest import ROOT, vitlab
from vitlab.augmentation_settings import OPERATIONS
from vitlab.config import resolve
from vitlab.data import PARTS
from vitlab.errors import InputError
from vitlab.evaluation import Comparison, statement
from vitlab.language import ENGLISH, FOLDER, Figure, Message, chosen_code, language_of
from vitlab.reporting.page import as_words, environment
from vitlab.reporting.tables import Column, Table, formatted

FRENCH = language_of("fr")
THIN, WIDE, MINUS = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"
TEMPLATES = sorted((ROOT / "vitlab/reporting/templates").glob("*.[hm][td]*"))
SOURCES = sorted((ROOT / "vitlab").rglob("*.py"))

# Words that come to a page in a variable, from a file or the settings.
IN_VARIABLES = {*PARTS, "accuracy", "loss", *(name.replace("_", " ") for name in OPERATIONS)} - {
    "policy"  # whose own name is shown
}


# Values without a format, other than the number n with which words agree. What is no number:
NAMES = (
    "accuracy address after answer axis before brier by caption counts data day details device "
    "difference ece figure figures file files first flaw folder found group hash how image in_parts "
    "interval jax kept label largest left_out licence link loser machines method missing model models "
    "name names needed network others p part parts phase place reason reasons recovery repairs second "
    "sha256 share signs size smallest software split splits suggested systems temperature them time "
    "title value variance verdict weights why winner words"
)
# Numbers that are more than one wherever they stand:
ALWAYS_SEVERAL = (
    "all classes clusters drawn every few fewest folds images layers most pairs parameters pixels "
    "rank_resamples resamples seconds seeds shown some tested width worst"
)
# Numbers beside which there is no word that could agree, as in "fixed 1":
NOTHING_AGREES = (
    "answers batch batches broken count devices done epochs fewest first_number fixed fold height high "
    "higher highest losses low lowest met mixed more number own patch perplexity rand rest right "
    "second_number seed side strength wider wins wrong"
)


def of_templates() -> Iterator[tuple[str, str]]:
    for path in TEMPLATES:
        read = environment(ENGLISH).extract_translations  # type: ignore[attr-defined]
        for _, _, found in read(path.read_text()):
            texts = [text for text in (found if isinstance(found, tuple) else (found,)) if text]
            one, *several = map(as_words, texts)
            yield one, "".join(several)


def of_sources() -> Iterator[tuple[str, str]]:
    """The literals of `Message(...)` and `language(...)`, and the titles of columns."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            match getattr(node.func, "id", getattr(node.func, "attr", "")):
                case "Message" | "language":
                    given = [node.args]
                case "Column":
                    given = [node.args[1:2]]
                case "_percent" | "_numbers":  # pairs of a key and a title
                    given = [one.elts[1:] for one in node.args if isinstance(one, ast.Tuple)]
                case "_Figure":
                    given = [node.args[:1]]
                case _:
                    continue
            for nodes in given:
                literals = [str(one.value) for one in nodes if isinstance(one, ast.Constant)]
                if literals:
                    yield literals[0], "".join(literals[1:])


@pytest.fixture(scope="module")
def english() -> dict[str, str]:
    """The sentences, and those for several things where there are two forms."""
    return dict.fromkeys(IN_VARIABLES, "") | dict([*of_templates(), *of_sources()])


@pytest.fixture(scope="module")
def french() -> dict[str, str | list[str]]:
    by_subject = json.loads((FOLDER / "fr.json").read_text())
    every = [pair for sentences in by_subject.values() for pair in sentences.items()]
    assert len(every) == len(dict(every)), "a sentence stands under two subjects"
    return dict(every)


def values_in(text: str) -> set[tuple[str, str]]:
    """The names of what is filled in, with their formats."""
    fields = string.Formatter().parse(text)
    return {(name, form or "") for _, name, form, _ in fields if name is not None}


def test_every_sentence_has_its_french_and_none_is_left_over(english, french):
    assert sorted(english.keys() - french.keys()) == []
    assert sorted(french.keys() - english.keys()) == []


def test_the_french_says_the_same_values_in_the_same_forms(english, french):
    for one, several in english.items():
        said = french[one]
        assert isinstance(said, list) or not several, one
        for text in said if isinstance(said, list) else [said]:
            forms = values_in(several or one)
            assert values_in(text) == forms or (several and values_in(text) < forms), one
            assert not several or values_in(several) >= values_in(one), one
            assert sorted(re.findall("<[^>]*>", text)) == sorted(re.findall("<[^>]*>", one)), one


def test_what_agrees_with_a_number_has_a_form_for_one_thing_and_one_for_several(english, french):
    """That number is called n. Of other values it is known that nothing agrees with them."""
    without = set(f"{NAMES} {ALWAYS_SEVERAL} {NOTHING_AGREES}".split())
    for one, several in english.items():
        plain = {name for name, form in values_in(one) if not form}
        assert plain <= {*without, "n"}, f"of {one!r} say whether words agree with these numbers"
        if "n" in plain:
            assert isinstance(french[one], list), one
        if isinstance(french[one], list):
            assert french[one][0] != french[one][1], one
            assert one != several


def test_what_is_given_to_be_translated_in_a_template_is_never_a_name():
    """`_()` takes its text for HTML; a name there would be markup."""
    for path in TEMPLATES:
        for call in environment(ENGLISH).parse(path.read_text()).find_all(jinja2.nodes.Call):
            if isinstance(call.node, jinja2.nodes.Name) and call.node.name in ("_", "gettext"):
                assert isinstance(call.args[0], jinja2.nodes.Const), path.name


def test_french_numbers_and_signs_have_their_spaces():
    said = Message("{share:.1%} of {n} images; {low:.2f}", share=0.978, n=12345, low=-0.5)
    assert said == f"97.8 % of 12,345 images; {MINUS}0.50"
    assert FRENCH.number(0.978, ".1%") == f"97,8{THIN}%"
    assert FRENCH.number(12345) == f"12{THIN}345"
    assert FRENCH.number(-1234.5, ",.2f") == f"{MINUS}1{THIN}234,50"
    assert FRENCH.as_written("3.5 s") == "3,5 s"
    assert (str(Figure(0.03, ".2f", is_chance=True)), FRENCH.text(Figure(0.03, ".2f"))) == (
        ".03",
        "0,03",
    )
    for text in FRENCH.sentences.values():
        forms = [text] if isinstance(text, str) else text
        assert not any(re.search(r" [;:!?%»]|« |'", form) for form in forms), text


def test_none_and_one_are_one_in_french_and_one_alone_in_english():
    forms = [Message("Its one image is found.", "All its {n} images are found.", n=n) for n in (0, 1, 2)]
    assert [str(form)[:3] for form in forms] == ["All", "Its", "All"]
    assert [FRENCH.text(form)[:3] for form in forms] == ["Son", "Son", "Ses"]


def test_a_name_is_no_message_and_stays_as_it_is_even_within_one():
    assert FRENCH.text("accuracy") == "accuracy"
    assert FRENCH.text(
        Message(
            "The hardest class is {name} (images whose nearest neighbour is of the class: {own} of "
            "{all}).",
            name="accuracy",
            own=1,
            all=2,
        )
    ).startswith("La classe la plus difficile est accuracy (images")
    table = Table("t", (Column("class", "class"),), [{"class": "loss"}, {"class": Message("loss")}])
    assert [row[0].text for row in table.cells(FRENCH)] == ["loss", "perte"]


def test_a_message_is_english_to_files_and_survives_being_copied():
    message = Message("{caption} (gone)", caption="{x}")
    assert json.dumps([message]) == '["{x} (gone)"]'
    again = copy.deepcopy(message)
    assert (again, FRENCH.text(again)) == (message, "{x} (disparue)")


def test_a_comparison_is_told_in_french():
    better = Comparison(
        "MobileNetV2", "ViT-Ti", "accuracy", 1158, 0.044, (0.01, 0.081), 0.007, 0.02, 3, None
    )
    assert FRENCH.text(statement(better)) == (
        f"ViT-Ti fait mieux que MobileNetV2 sur ces 1{THIN}158 images (+4,4 points{THIN}; intervalle à "
        f"95{THIN}% corrigé de 1,0 à 8,1{THIN}; p = 0,020 après correction)."
    )


def test_tables_are_sorted_by_their_numbers_whatever_these_look_like():
    assert [formatted(n, "bytes", FRENCH) for n in (999, 2_500_000, 2_533_881_760)] == [
        "1,0 ko",
        "2,5 Mo",
        "2,5 Go",
    ]
    row = {"share": 0.25, "share_interval": (0.2, 0.3), "count": 12345, "p": 0.0004, "bytes": 2_500_000}
    columns = (
        Column("share", "accuracy", "percent"),
        Column("count", "n", "count"),
        Column("p", "p", "p"),
        Column("bytes", "weights", "bytes"),
    )
    table = Table("t", columns, [row])
    (cells,) = table.cells(FRENCH)
    assert [cell.text for cell in cells] == [
        f"25,00{THIN}%",
        f"12{THIN}345",
        f"<{WIDE}0,001",
        f"2,5{WIDE}Mo",
    ]
    assert cells[0].below == "20,00 à 30,00"
    assert [cell.order for cell in cells] == ["0.25", "12345", "0.0004", "2500000"]
    assert "25.00" in table.latex() and "accuracy" in table.latex()
    assert formatted(None, "number", FRENCH) == "–"


def test_an_unknown_language_is_answered_with_those_that_are_known():
    settings = get_config()
    settings.report.language = "fr_FR"
    with pytest.raises(InputError, match=r"unknown value 'fr_FR' \(report.language\).*fr"):
        resolve(settings)
    with pytest.raises(InputError, match=r"unknown language 'de' \(--language\); known: en, fr"):
        chosen_code("de", "--language")


@pytest.mark.parametrize(
    "call",
    [
        ("compare", "--runs=a,b", "--output=OUT"),
        ("dataset", "--data=digits", "--output=OUT"),
        ("feasibility", "--config=tests/configs/small.py", "--output=OUT"),
    ],
    ids=lambda call: call[0],
)
def test_commands_refuse_it_in_one_line(call: tuple[str, ...], tmp_path: Path, without_jax):
    call = tuple(word.replace("OUT", str(tmp_path / "out")) for word in call)
    result = vitlab(*call, "--language=english", **without_jax)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "unknown language 'english' (--language); " in result.stderr
