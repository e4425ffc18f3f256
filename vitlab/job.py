"""The main job, from top to bottom: network, images, split, every phase, evaluation, report."""

import dataclasses
from typing import Any

import jax

from vitlab import files, preparation, processes, runtime
from vitlab.circumstances import circumstances
from vitlab.conclusion import conclude
from vitlab.config import Config
from vitlab.data import (
    PARTS,
    Collection,
    Split,
    write_split,
)
from vitlab.errors import InputError
from vitlab.evaluation import (
    predict,
    save_predictions,
)
from vitlab.models import (
    Blueprint,
    SavedModel,
    draw_blueprint,
    layer_table,
    load_model,
    network_facts,
    operators,
    published_networks,
    save_model,
)
from vitlab.progress import duration, say
from vitlab.reporting import LivePage
from vitlab.run_directory import RunDirectory
from vitlab.training import (
    History,
    Profiler,
    Setting,
    Stage,
    TensorBoard,
    train_phase,
)
from vitlab.weights import CATALOGUE


def run_job(config: Config, run: RunDirectory, *, tensorboard: bool = False, profile: int = 0) -> None:
    """Does what is left of a run: every stage takes over what an earlier process finished.

    `tensorboard` shows the epochs there too; `profile` is how many steps of each phase are traced.
    """
    mesh = preparation.mesh_for(config)
    kinds = [str(device.device_kind) for device in mesh.devices.flat]
    say(
        f"devices  {len(kinds)} x {kinds[0]}"
        f"{f' of {jax.process_count()} processes' if processes.are_several() else ''}"
        f"{f', parameters over {config.fsdp} of them' if config.fsdp > 1 else ''}, JAX {jax.__version__}"
    )

    # ----------------------------------------------------------------- network, images, split
    blueprint = draw_blueprint(config.model)
    _check_network(config, run, blueprint)
    stored = str(run.split) if processes.agreed(run.split.exists()) else config.split.file
    collection, split = preparation.read_images(config, blueprint, stored)
    _check_split(run, split)
    pretraining = preparation.pretraining(config, blueprint, split)
    processes.check_same("the images", split.hash)
    was_finished = bool(run.manifest.get("finished"))  # and has its report until there is another
    is_trained = "devices" in run.manifest and all(run.model(name).is_dir() for name in config.phases)
    run.begin(config)
    if processes.is_first():
        write_split(split, run.split)
    facts = _what_runs(config, blueprint, collection, split)
    # Who evaluates and reports what is trained, in another language for one, did not make the run.
    made_by = {} if is_trained else circumstances() | {"devices": kinds}
    run.record(finished=False, pretraining=pretraining, **made_by, **facts)

    # ----------------------------------------------------------------- phases
    model = preparation.first_placed(config, blueprint, split, mesh)
    size = model.card.preprocessing.size
    say(f"network  {config.model.name} for {size} pixels, {model.card.parameters:,} parameters")
    board = TensorBoard(run.tensorboard) if tensorboard and processes.is_first() else None
    profiler = Profiler(run.profile, profile) if profile and processes.is_first() else None
    history = History(run.log, board)
    live = LivePage(run, config, history, is_shown=not was_finished)
    stores = collection.stores(split)
    setting = preparation.setting_for(config, model, stores, mesh, run.checkpoints, history, profiler)
    setting = dataclasses.replace(setting, watch=live.watch)
    with live.kept():
        model, went = _train_phases(config, run, model, split, setting, live)

        # ------------------------------------------------------------- evaluation, report
        model = _on_host(model)
        if processes.is_first():
            live.evaluate()
            if not run.network.exists():
                files.write_json(run.network, _describe(config, blueprint, model))
            run.record(phases=went)  # for the report
            conclude(run, list(config.phases), collection, split)
            run.record(finished=True)
    if processes.is_first():
        say(run.conclusion())
    processes.wait_for_all("the report")


def _train_phases(
    config: Config, run: RunDirectory, model: SavedModel, split: Split, setting: Setting, live: LivePage
) -> tuple[SavedModel, dict[str, dict[str, Any]]]:
    """The last phase's model, and of each phase how it went, for the manifest."""
    earlier, went = 0, {}
    for index, (name, phase) in enumerate(config.phases.items()):
        if processes.agreed(run.model(name).is_dir()):
            model = preparation.placed(load_model(run.model(name)), setting.mesh)
        else:
            live.begin(name)
            model = _train(Stage(name, phase, index, earlier), model, setting, run)
            live.evaluate(name)
        _predict_parts(name, model, split, setting, run)
        trained = model.card.trained
        went[name] = {key: trained[key] for key in ("epochs", "steps", "seconds", "spent")}
        went[name]["views"] = phase.views
        earlier += trained["epochs"]
    return model, went


def _what_runs(
    config: Config, blueprint: Blueprint, collection: Collection, split: Split
) -> dict[str, Any]:
    """For the manifest."""
    return {
        "seed": config.seed,
        "batch_size": config.batch_size,
        "origin": blueprint.origin,
        "decode": config.dataset.decode,
        "images": len(split.table),
        "parts": split.counts(),
        "split_hash": split.hash,
        "unreadable": collection.pixels.unreadable,
        "repairs": collection.pixels.repairs,
    }


def _check_network(config: Config, run: RunDirectory, blueprint: Blueprint) -> None:
    """Everything about the network that can be wrong is found before the first image is read."""
    preparation.check_phases(config, blueprint)
    before, now = run.manifest.get("origin", blueprint.origin), blueprint.origin
    if before.get("sha256") != now.get("sha256"):
        raise InputError(
            f"the weights of this run have changed since it began: {before}, now {now}; "
            "put the file back, or start again in a new workdir"
        )


def _check_split(run: RunDirectory, split: Split) -> None:
    """What was trained and predicted so far belongs to the split that the run began with."""
    before = run.manifest.get("split_hash", split.hash)
    if before != split.hash:
        raise InputError(
            f"{run.split} has changed since the run began (its hash was {before[:12]}, and is "
            f"{split.hash[:12]}); put it back, or start again in a new workdir"
        )


def _train(stage: Stage, model: SavedModel, setting: Setting, run: RunDirectory) -> SavedModel:
    """Trains one phase, and saves its best model whole or not at all."""
    phase = stage.phase
    among = f" of the last {phase.last_layers} layers" if phase.last_layers else ""
    say(
        f"phase    {stage.name}: {', '.join(phase.trainable)}{among} by {phase.optimizer} "
        f"at {phase.learning_rate:g}"
    )
    trained = train_phase(stage, model.parameters, model.statistics, setting)
    if setting.profiler:
        setting.profiler.close()
    facts = {
        "phase": stage.name,
        **{
            field.name: getattr(trained, field.name)
            for field in dataclasses.fields(trained)
            if field.name not in ("parameters", "statistics")
        },
    }
    model = SavedModel(
        card=dataclasses.replace(model.card, trained=facts),
        network=model.network,
        parameters=trained.parameters,
        statistics=trained.statistics,
    )
    saved = _on_host(model)
    if processes.is_first():
        save_model(run.model(stage.name), saved)
    say(
        f"         {trained.epochs} epochs in {duration(trained.seconds)}; "
        f"the weights of epoch {trained.best_epoch} are kept"
    )
    return model


def _predict_parts(
    phase: str, model: SavedModel, split: Split, setting: Setting, run: RunDirectory
) -> None:
    """Saves what the phase's best model answers to every image of every part."""
    for part in PARTS:
        path = run.predictions(phase, part)
        if not processes.agreed(path.exists()):
            ids = split.table.select(split.rows(part)).ids
            predictions = predict(model, setting.stores[part], ids, setting.embedder, part)
            if processes.is_first():
                save_predictions(predictions, path)


def _describe(config: Config, blueprint: Blueprint, model: SavedModel) -> dict[str, Any]:
    """The layers, their measured cost, and what publishers state of the weights and of others."""
    layers = layer_table(lambda: blueprint.build(len(model.card.class_names)))
    size = blueprint.preprocessing.size
    facts = network_facts(model.network, model.parameters, model.statistics, size)
    checkpoint = CATALOGUE.get(config.model.weights)
    table = operators(blueprint.name, blueprint.options, size)
    return {
        "name": blueprint.name,
        "layers": [dataclasses.asdict(layer) for layer in layers],
        "operators": [dataclasses.asdict(row) for row in table],
        "facts": dataclasses.asdict(facts),
        "published": checkpoint
        and {"name": checkpoint.name, "top1": checkpoint.top1, "top5": checkpoint.top5},
        "others": [
            dataclasses.asdict(one) for one in published_networks() if one.name != blueprint.name
        ],
    }


def _on_host(model: SavedModel) -> SavedModel:
    """The model with its arrays whole, in every process."""
    return dataclasses.replace(
        model,
        parameters=jax.tree.map(runtime.to_host, model.parameters),
        statistics=jax.tree.map(runtime.to_host, model.statistics),
    )
