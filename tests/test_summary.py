"""`python -m vitlab.summary`: the layers of one network, and what several cost."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.conftest import vitlab
from vitlab import summary_job
from vitlab.models import NetworkFacts, create, outline
from vitlab.weights import best_checkpoint


def test_the_layers_add_up_and_mobilenet_v2_has_its_papers_table(tmp_path: Path):
    diagram = tmp_path / "new" / "network.svg"
    sizes = ("--model=mobilenet_v2_035", "--classes=5", "--input_size=64")
    result = vitlab("summary", *sizes, f"--diagram={diagram}")
    assert result.returncode == 0, result.stderr
    counts = re.findall(r"^(?:backbone|head)\S* .* ([\d,]+)$", result.stdout, re.MULTILINE)
    total = sum(int(count.replace(",", "")) for count in counts)
    assert f"\n{total:,} parameters, and 14,080 statistics" in result.stdout
    assert re.search(r"^32x32x16 +bottleneck +1 +8 +1 +1$", result.stdout, re.MULTILINE)
    assert re.search(
        r"^1x1x1280 +conv2d 1x1 +- +k +- +-\n\nk: the classes$", result.stdout, re.MULTILINE
    )
    texts = {"".join(node.itertext()).strip() for node in ElementTree.parse(diagram).iter()}
    assert {"mobilenet_v2_035", "32 × 32 × 16", "InvertedResidual"} <= texts


def test_a_custom_network_is_described_by_its_options():
    options = "--options=stages=((4,), (8,)), dense=(5,), padding=symmetric"
    result = vitlab("summary", "--model=cnn", options, "--input_size=32", "--classes=3")
    assert result.returncode == 0, result.stderr
    assert re.search(r"Convolution +16 x 16 x 8 +296$", result.stdout, re.MULTILINE)
    assert "\n471 parameters" in result.stdout


def test_networks_are_measured_beside_each_other(tmp_path: Path):
    output = tmp_path / "new" / "choice.json"
    sizes = ("--input_size=64", "--classes=5")
    result = vitlab("summary", "--choose=cnn_a,mobilenet_v2_035", *sizes, f"--output={output}")
    assert result.returncode == 0, result.stderr
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines() if line.strip()}
    assert rows["cnn_a"][1] == "64"
    assert rows["cnn_a"][-3:] == ["-", "-", "-"]
    assert rows["mobilenet_v2_035"][-3:] == ["60.3", "82.9", "keras_in1k"]  # keras.io, at 224 pixels
    for name in ("cnn_a", "mobilenet_v2_035"):
        gigaflops, milliseconds = map(float, rows[name][5:7])
        assert gigaflops > 0
        assert milliseconds > 0
    plain, published = json.loads(output.read_text())
    assert (plain["network"], plain["weights"], plain["top1"]) == ("cnn_a", None, None)
    assert published["weights"] == "mobilenet_v2_035.keras_in1k"
    assert (published["top1"], published["top5"]) == (60.3, 82.9)
    assert f"{published['parameters']:,}" == rows["mobilenet_v2_035"][3]
    assert f"{published['milliseconds']:.1f}" == rows["mobilenet_v2_035"][6]


def test_what_is_measured_is_the_network_that_the_weights_of_its_row_need(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The best weights of CLIP ask for another GELU than OpenAI's, which the preset has."""
    measured = []

    def facts(network, parameters, statistics, input_size: int) -> NetworkFacts:
        measured.append(network)
        return NetworkFacts(input_size, 1, 4, 1, None, 1.0, "none")

    monkeypatch.setattr(summary_job, "initialise", lambda build, given: outline(build))
    monkeypatch.setattr(summary_job, "network_facts", facts)
    summary_job.choose(["clip_vit_b32"], 5, 96)
    best = best_checkpoint("clip_vit_b32", 224)
    assert best is not None
    assert capsys.readouterr().out.splitlines()[1].endswith(best.tag)
    sizes: dict[str, Any] = dict(num_classes=5, input_size=96)
    needed, *_ = outline(lambda: create("clip_vit_b32", **sizes, activation=best.options["activation"]))
    plain, *_ = outline(lambda: create("clip_vit_b32", **sizes))
    assert measured == [needed]
    assert measured != [plain]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--model=cnn_gap", "--diagram=README.md/x.svg"),
        ("--choose=cnn_gap", "--output=README.md/x.json"),
    ],
)
def test_a_file_that_cannot_be_written_is_refused_before_jax_starts(without_jax, arguments):
    result = vitlab("summary", *arguments, **without_jax)
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a network with --model=NAME, or several with --choose=NAME,NAME"),
        (["--model=vit_ti16", "--choose=vit_ti16"], "name a network with --model=NAME, or several"),
        (["--choose=vit_ti16", "--diagram=x.svg"], "--diagram draws the network that --model names"),
        (["--model=vit_ti16", "--output=x.json"], "--output keeps the table of the networks that --cho"),
        (["--choose=vit_ti16", "--output=x.csv"], "--output is 'x.csv'; it must be a file that ends in"),
        (["--model=vit_ti61"], "unknown model 'vit_ti61'"),
        (["--choose=vit_ti16,resnet51"], "unknown model 'resnet51' (--choose); did you mean"),
        (
            ["--choose=cnn_gap,cnn"],
            "cnn is a network only with options (stages), and --choose has none",
        ),
        (["--model=vit_ti16", "--input_size=100"], "input size 100 is not a multiple of the patch, 16"),
        (
            ["--model=inception_v3", "--input_size=20"],
            "size 20 is too small; it takes 75 pixels and more",
        ),
        (
            ["--model=cnn_gap", "--diagram=README.md/x.svg"],
            "cannot write README.md/x.svg: Not a directory; choose another place",
        ),
        (
            ["--choose=mobilenet_v2_035", "--input_size=1000000"],
            "an input size of 1000000 pixels; it must be 1 to 10000",
        ),
        (
            ["--model=mobilenet_v2", "--input_size=1000000"],
            "an input size of 1000000 pixels; it must be 1 to 10000",
        ),
        (["--model=cnn_gap", "--classes=9999999999"], "is not an integer in the range [1, 1000000]"),
        (["--model=cnn"], "vitlab.summary --model: --options=stages=...)"),
        (
            ["--model=mobilenet_v2", "--options=width=1e999"],
            "model.options.width: a number must be finite, at most 50,000",
        ),
        (
            ["--model=mobilenet_v2", "--options=dtype=foo"],
            "model.options.dtype is foo; it must be float32, bfloat16, float16 or float64",
        ),
        (["--model=vit_ti16", "--options=input_size=32"], "set --input_size in its place"),
        (["--choose=vit_ti16", "--options=patch=8"], "--options are those of the network that --model"),
    ],
)
def test_a_wrong_call_is_one_line_and_code_2(arguments: list[str], message: str):
    result = vitlab("summary", *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.startswith("vitlab summary: ")
    assert result.stderr.count("\n") == 1
