"""What `vitlab.find_rate` does once its flags are known to be sound."""

import csv
import io
import tempfile
from pathlib import Path

from vitlab import files, preparation
from vitlab.config import Config
from vitlab.models import draw_blueprint
from vitlab.progress import say
from vitlab.reporting import rate_chart
from vitlab.training import History, RangeTest, Stage, range_test


def find_rate(config: Config, phase: str, steps: int, output: Path) -> None:
    """Writes `rates.csv` and `rates.svg` into `output`, and says which rate they suggest."""
    mesh = preparation.mesh_for(config)
    blueprint = draw_blueprint(config.model)
    preparation.check_phases(config, blueprint)
    collection, split = preparation.read_images(config, blueprint, config.split.file)
    model = preparation.first_placed(config, blueprint, split, mesh)
    names = list(config.phases)
    index = names.index(phase)
    if index:
        say(
            f"phase {phase} begins here from model.weights, in a run from what {names[index - 1]} has "
            f"trained: --config.model.weights=RUN/model/{names[index - 1]} begins there"
        )
    stage = Stage(phase, config.phases[phase], index, 0)
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder) / "log.jsonl")
        stores = collection.stores(split)
        setting = preparation.setting_for(config, model, stores, mesh, Path(folder), history)
        found = range_test(stage, model.parameters, model.statistics, setting, steps)
    files.write_text(output / "rates.csv", _table(found))
    files.write_text(output / "rates.svg", rate_chart(found, f"{config.model.name}, phase {phase}"))
    say(*_conclusion(found, phase), f"figure: {output / 'rates.svg'}")


def _table(found: RangeTest) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("step", "rate", "loss", "smoothed"))
    rows = zip(found.rates, found.losses, found.smoothed, strict=True)
    for step, (rate, *losses) in enumerate(rows, start=1):
        writer.writerow((step, f"{rate:.6g}", *losses))
    return text.getvalue()


def _conclusion(found: RangeTest, phase: str) -> list[str]:
    if found.suggestion is None:
        return [
            f"no rate of phase {phase} lowered the loss by more than a twentieth; try more --steps, or "
            "look whether what it trains can learn anything (phases.*.trainable, model.weights)"
        ]
    return [
        f"the smoothed loss falls most steeply at a rate of {found.suggestion:.2g}, and is lowest at "
        f"{found.at_lowest:.2g} (a tenth of that, the other rule of thumb: {found.at_lowest / 10:.2g})",
        f"suggested: --config.phases.{phase}.learning_rate={found.suggestion:.2g}",
    ]
