from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import torch
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vst.config import Config, conf_dir
from vst.errors import InputError
from vst.losses.target import Target
from vst.runs.build import build
from vst.runs.settings import resolve

# the options that a choice leaves to its user
GIVEN = {
    ("video", "file"): ["video.path=clip.mp4"],
    ("video", "pictures"): ["video.path=folder"],
    ("style", "file"): ["style.path=painting.jpg"],
    ("experiment", "fig2_real"): ["video.path=clip.mp4"],
    ("start", "network"): ["network=network.safetensors"],
    ("model", "network"): ["network=network.safetensors"],
    ("gate", "paper"): ["model=enhanced"],
    ("gate", "closing"): ["model=enhanced"],
}


def choices() -> list[tuple[str, str]]:
    """Every file of every group of conf/, except Hydra's own."""
    return [(file.parent.name, file.stem) for file in sorted(conf_dir().glob("*/*.yaml"))]


def test_there_are_choices_to_test():
    assert conf_dir().is_dir()
    groups = {group for group, _ in choices()}
    assert groups > {"model", "video", "style", "backbone", "flow", "start", "canvas", "experiment", "gate"}


@pytest.mark.parametrize(("group", "choice"), choices())
def test_every_choice_of_every_group_composes_and_is_checked(compose, group, choice):
    at = "gate@loss.coherence.gate" if group == "gate" else group
    settings = resolve(compose(f"{at}={choice}", *GIVEN.get((group, choice), [])))
    assert set(settings) == {field.name for field in fields(Config)}
    if group in settings and group != "model" and settings[group]:
        chosen = OmegaConf.to_container(OmegaConf.load(conf_dir() / group / f"{choice}.yaml"))
        assert isinstance(chosen, dict)
        assert set(chosen) <= set(settings[group])
        assert chosen.get("_target_") == settings[group].get("_target_")


@pytest.mark.parametrize(("group", "choice"), [("video", "file"), ("style", "file")])
def test_what_a_choice_needs_is_asked_for(compose, group, choice):
    with pytest.raises(
        InputError, match=f"^{group}.path is not given; add {group}.path=… to the command line$"
    ):
        resolve(compose(f"{group}={choice}"))


COHERENCES = {
    "naive": (0.0, None),
    "anystyle": (0.0, None),
    "network": (0.0, None),
    "keyframes": (0.0, None),
    "mse": (1e3, {"_target_": "vst.losses.coherence.MseCoherence", "weight": 1e3}),
    "enhanced": (
        1e3,
        {
            "_target_": "vst.losses.coherence.EnhancedCoherence",
            "weight": 1e3,
            "gate": {"_target_": "vst.losses.functional.paper_gate", "_partial_": True},
        },
    ),
    "flow": (
        3e4,
        {"_target_": "vst.losses.coherence.FlowCoherence", "weight": 3e4, "warp": "forward"},
    ),
    "ruder": (
        3e4,
        {
            "_target_": "vst.losses.coherence.RuderCoherence",
            "weight": 3e4,
            "distances": [1, 2, 4],
            "first_pass": 0,
        },
    ),
    "ruder_multipass": (
        3e4,
        {
            "_target_": "vst.losses.coherence.RuderCoherence",
            "weight": 3e4,
            "distances": [1],
            "first_pass": 1,
        },
    ),
    "robust": (
        2e5,
        {
            "_target_": "vst.losses.coherence.RobustCoherence",
            "weight": 2e5,
            "anchor_weight": 0.1,
        },
    ),
}


@pytest.mark.parametrize("model", COHERENCES)
def test_the_terms_and_weights_of_each_model(compose, model):
    eta, coherence = COHERENCES[model]
    settings = OmegaConf.to_container(compose(f"model={model}"), resolve=True)
    assert isinstance(settings, dict)
    assert (settings["model"], settings["alpha"], settings["beta"], settings["eta"]) == (model, 1.0, 1e5, eta)
    terms = dict(settings["loss"])
    assert terms.pop("content") == {
        "_target_": "vst.losses.content.ContentLoss",
        "weight": 1.0,
        "layers": ["conv4_2"],
    }
    assert terms.pop("style") == {
        "_target_": "vst.losses.style.StyleLoss",
        "weight": 1e5,
        "layers": ["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"],
        "normalisation": "chw",
    }
    assert terms.pop("range") == {"_target_": "vst.losses.range.RangeLoss", "weight": 1e5}
    revealed = {
        "_target_": "vst.losses.revealed.RevealedStyle",
        "weight": 1e5,
        "layers": ["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"],
        "normalisation": "chw",
    }
    assert terms.pop("revealed", None) == (revealed if model == "robust" else None)
    assert terms == ({} if coherence is None else {"coherence": coherence})


@pytest.mark.parametrize("model", [model for model, (_, coherence) in COHERENCES.items() if coherence])
def test_the_options_of_the_top_level_reach_the_terms(compose, model):
    settings = resolve(compose(f"model={model}", "alpha=2", "beta=3e4", "eta=5", "evaluations=7", "seed=11"))
    assert {name: term["weight"] for name, term in settings["loss"].items()} == {
        "content": 2.0,
        "style": 3e4,
        "range": 1e5,
        "coherence": 5.0,
        **({"revealed": 3e4} if model == "robust" else {}),
    }
    assert (settings["evaluations"], settings["seed"]) == (7, 11)


@pytest.mark.parametrize("option", ["model=network", "start=network"])
def test_a_network_is_asked_for_and_given_once(compose, tmp_path, monkeypatch, option):
    with pytest.raises(InputError, match=r"^network is not given; add network=… to the command line$"):
        resolve(compose(option))
    monkeypatch.chdir(tmp_path)
    settings = resolve(compose(option, "network=mine.safetensors"))
    path = str(tmp_path / "mine.safetensors")
    assert (settings["network"], settings["start"]["network"]["path"]) == (path, path)


def test_a_model_may_take_another_start_gate_or_flow(compose):
    settings = resolve(
        compose(
            "model=enhanced", "gate@loss.coherence.gate=closing", "start=warped", "flow=raft", "canvas=pixels"
        )
    )
    assert settings["loss"]["coherence"]["gate"]["scale"] == 0.01
    assert settings["start"]["_target_"] == "vst.painting.start.warped_start"
    assert settings["flow"]["weights"] == {"_target_": "vst.assets.fetch", "name": "raft-small"}


@pytest.mark.parametrize(
    "experiment", sorted(file.stem for file in (conf_dir() / "experiment").glob("*.yaml"))
)
@pytest.mark.parametrize("model", list(COHERENCES))
def test_every_experiment_goes_with_every_model(compose, experiment, model):
    given = [*GIVEN.get(("experiment", experiment), []), *GIVEN.get(("model", model), [])]
    settings = resolve(compose(f"experiment={experiment}", f"model={model}", "evaluations=3", *given))
    assert settings["model"] == model
    assert settings["evaluations"] == 3  # the command line wins


def test_an_experiment_wins_over_the_defaults(compose):
    settings = resolve(compose("experiment=demo"))
    assert (settings["evaluations"], settings["video"]["size"]) == (32, 426)
    paper = resolve(compose("experiment=paper", "model=naive"))
    assert paper["canvas"]["_target_"] == "vst.painting.canvas.PixelCanvas"
    assert paper["flow"]["_target_"] == "vst.flow.estimators.Farneback"
    assert paper["start"]["_target_"] == "vst.painting.start.content_start"
    assert "range" not in {name for name, term in paper["loss"].items() if term}
    assert (
        resolve(compose("experiment=paper", "model=robust"))["start"]["_target_"]
        == "vst.painting.start.filled_start"
    )
    assert resolve(compose())["evaluations"] == 60


def test_the_run_directory_reaches_the_callbacks(compose, tmp_path):
    settings = resolve(compose("logger=wandb"))
    run = str(tmp_path / "run")
    assert settings["paths"]["run"] == run
    assert settings["callbacks"]["video_writer"]["directory"] == run
    assert settings["callbacks"]["resume"]["directory"] == str(Path(run) / "checkpoints")
    assert settings["logger"]["wandb"]["directory"] == run


@pytest.mark.parametrize("override", ["alpha=much", "evaluations=1.5", "seed=none", "passes=[1]", "alhpa=1"])
def test_values_of_the_top_level_are_typed(compose, override):
    from hydra.errors import HydraException

    with pytest.raises((HydraException, OmegaConfBaseException)):
        compose(override)


@pytest.mark.parametrize("override", ["+eat=1", "+video2.path=x"])
def test_a_new_name_at_the_top_level_is_refused(compose, override):
    from hydra.errors import HydraException

    with pytest.raises((HydraException, OmegaConfBaseException, InputError)):
        resolve(compose(override))


def test_an_option_that_does_not_exist_is_named_by_its_path(compose):
    with pytest.raises(
        InputError, match=r"^video\.sise is not an option here; video has: frames, height, seed, width$"
    ):
        resolve(compose("+video.sise=64"))


def test_every_option_of_the_schema_is_set_and_explained():
    source = Path(conf_dir(), "config.yaml").read_text(encoding="utf-8")
    schema = Path(__file__).resolve().parents[1].joinpath("vst", "config.py").read_text(encoding="utf-8")
    for field in fields(Config):
        if field.default is MISSING and field.name != "model":
            assert f"\n{field.name}: " in source
        declared = schema.index(f"    {field.name}: ")
        assert schema[declared:].splitlines()[1].strip().startswith('"""')


CHEAP = [
    (group, choice)
    for group, choice in choices()
    if group in ("flow", "start", "canvas", "gate") and choice not in ("raft", "network", "anystyle")
]
"""Those that need no file."""


@pytest.mark.parametrize(("group", "choice"), CHEAP)
def test_what_a_choice_names_can_be_built(compose, group, choice):
    if group == "gate":
        node = resolve(compose("model=enhanced", f"gate@loss.coherence.gate={choice}"))["loss"]["coherence"][
            "gate"
        ]
    else:
        node = resolve(compose(f"{group}={choice}"))[group]
    built = build(node)
    if group == "flow":
        assert built(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)).shape == (1, 2, 32, 32)
    elif group == "canvas":
        assert built.coefficients(torch.zeros(1, 3, 4, 4)).shape == (1, 3, 4, 4)
    elif group == "gate":
        assert 0.7 < built(torch.zeros(1)).item() <= 1
    else:
        start = built(Target(torch.zeros(1, 3, 4, 4), {}, None), torch.Generator().manual_seed(0))
        assert start.shape == (1, 3, 4, 4)


MODELS = sorted(file.stem for file in (conf_dir() / "model").glob("*.yaml"))


def test_every_model_is_in_the_table():
    assert set(MODELS) == set(COHERENCES)


@pytest.mark.parametrize(
    ("model", "start", "flow", "passes", "evaluations", "evaluation_factors"),
    [
        ("naive", "content_start", "estimators.DeepFlow", 1, 60, []),
        ("anystyle", "anystyle_start", "estimators.DeepFlow", 1, 60, []),
        ("network", "network_start", "estimators.DeepFlow", 1, 60, []),
        ("mse", "content_start", "estimators.DeepFlow", 1, 60, []),
        ("enhanced", "content_start", "estimators.DeepFlow", 1, 60, []),
        ("flow", "content_start", "estimators.DeepFlow", 1, 60, []),
        ("ruder", "warped_start", "estimators.DeepFlow", 1, 60, []),
        ("ruder_multipass", "blended_start", "estimators.DeepFlow", 5, 60, []),
        ("keyframes", "synthesised_start", "estimators.DeepFlow", 1, 60, [2]),
        ("robust", "filled_start", "steady.SteadyFlow", 1, 60, [2, 0.75, 0.75, 0.75, 0.75]),
    ],
)
def test_what_each_model_changes_of_the_defaults(
    compose, model, start, flow, passes, evaluations, evaluation_factors
):
    settings = resolve(compose(f"model={model}", *GIVEN.get(("model", model), [])))
    assert settings["start"]["_target_"] == f"vst.painting.start.{start}"
    assert settings["flow"]["_target_"] == f"vst.flow.{flow}"
    assert (settings["passes"], settings["evaluations"], settings["evaluation_factors"]) == (
        passes,
        evaluations,
        evaluation_factors,
    )
    assert settings["cuts"] is None


def test_the_evaluation_factors_of_robust_make_up_for_its_first_frame(compose):
    evaluation_factors = resolve(compose("model=robust"))["evaluation_factors"]
    assert sum(evaluation_factors) == len(evaluation_factors)


def test_what_a_start_has_painted_is_not_optimised_whatever_the_budget_of_an_experiment(compose):
    for model in COHERENCES:
        given = GIVEN.get(("model", model), [])
        settings = resolve(compose(f"model={model}", "experiment=demo", *given))
        painted = model in ("anystyle", "keyframes", "network")
        assert (settings["evaluations"], settings["later_factor"]) == (32, 0 if painted else 1)


def test_the_command_line_wins_over_a_model(compose):
    given = ["start=content", "flow=dis", "evaluation_factors=[1]", "eta=7", "cuts=[3,9]", "passes=2"]
    settings = resolve(compose("model=robust", *given))
    assert settings["start"]["_target_"] == "vst.painting.start.content_start"
    assert settings["flow"]["_target_"] == "vst.flow.estimators.DIS"
    assert (settings["evaluation_factors"], settings["cuts"], settings["passes"]) == ([1], [3, 9], 2)
    assert settings["loss"]["coherence"]["weight"] == 7


@pytest.mark.parametrize(
    "override", ["cuts=[a]", "cuts=3", "evaluation_factors=[much]", "evaluation_factors=1", "cuts=[1.5]"]
)
def test_lists_of_the_top_level_are_typed(compose, override):
    from hydra.errors import HydraException

    with pytest.raises((HydraException, OmegaConfBaseException)):
        compose(override)
