from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vst.compare.groups import group_of, pareto_front
from vst.compare.looks import COLOURS, MODELS, appearance, labels, model_colours
from vst.compare.runs import Run, read_run
from vst.compare.settings import Setting, differing_settings, implied_by_choice
from vst.formatting import format_setting


@pytest.fixture
def variant(write_run: Callable[..., Path], tmp_path: Path) -> Callable[..., Run]:
    """`variant(model, start=…, …)`: a run whose settings are those of the model, and the ones given."""
    numbers = iter(range(1000))

    def variant(model: str = "flow", **changes: object) -> Run:
        directory = write_run(tmp_path / str(next(numbers)), model, pictures=False, video=False)
        run = read_run(directory, directory.name)
        return replace(run, settings={**run.settings, **changes})

    return variant


def test_only_what_differs_and_the_papers_own_first(variant):
    runs = [
        variant("naive", seed=1, start={"_target_": "vst.painting.start.noise_start"}),
        variant("flow", seed=2),
    ]
    settings = differing_settings(runs)
    # not the coherence's class and weight, which the model and η say already
    assert [setting.key for setting in settings] == ["model", "eta", "seed", "start"]
    assert settings[-1].values == ("noise_start", "content_start")


def test_what_a_choice_does_not_settle_is_shown(variant):
    loss = {
        "coherence": {"_target_": "vst.losses.coherence.FlowCoherence", "weight": 3e4, "warp": "backward"}
    }
    video = {"_target_": "vst.synthetic.scenes.Talk", "height": 64}
    keys = [s.key for s in differing_settings([variant(), variant(loss=loss, video=video)])]
    assert "loss.coherence.warp" in keys
    assert "video.height" in keys


def test_equal_numbers_of_other_types_do_not_differ(variant):
    assert differing_settings([variant(seed=1), variant(seed=1.0)]) == []


def test_labels_tell_runs_apart(variant):
    runs = [variant("flow", eta=eta, seed=seed) for eta, seed in product((1e3, 1e4), (0, 1))]
    assert labels(runs, differing_settings(runs)) == [
        "flow · eta 1000 · seed 0",
        "flow · eta 1000 · seed 1",
        "flow · eta 1e4 · seed 0",
        "flow · eta 1e4 · seed 1",
    ]
    models = [variant("naive"), variant("mse")]
    assert labels(models, differing_settings(models)) == ["naive", "mse"]  # η is the model's own
    same = [variant(), variant()]
    assert labels(same, []) == [f"flow · {run.name}" for run in same]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "yes"),
        (1e5, "1e5"),
        (3e-4, "0.0003"),
        (12, "12"),
        (["conv1_1", "conv2_1"], "conv1_1, conv2_1"),
    ],
)
def test_settings_are_written_in_few_characters(value, text):
    assert format_setting(value) == text


def test_choices_of_numbers_go_by_size():
    assert Setting("eta", (1e4, None, 30.0, 1e4)).choices() == ["–", "30", "1e4"]
    assert not Setting("loop", (True, 1)).numeric


def test_colours_tell_models_apart_and_dashes_the_rest(variant):
    looks = appearance([variant("naive"), variant("flow"), variant("flow"), variant("naive")])
    naive, flow = COLOURS[MODELS.index("naive")], COLOURS[MODELS.index("flow")]
    assert [colour for colour, _ in looks] == [naive, flow, flow, naive]
    assert [dash for _, dash in looks] == ["solid", "solid", "dash", "dash"]
    alike = appearance([variant() for _ in range(9)])
    assert len(set(alike)) == 9
    many = appearance([variant(model) for model in ("naive", "flow") for _ in range(12)])
    assert len(set(many)) == 24, "more than a colour has dashes for"


def test_a_model_has_one_colour_wherever_it_is_drawn_and_a_new_one_another():
    alone = model_colours(["robust", "mine", "naive", "yours"])
    assert alone["robust"] == model_colours(MODELS)["robust"]
    assert alone["naive"] == model_colours(MODELS)["naive"]
    assert len(set(alone.values())) == 4
    assert len(set(model_colours(MODELS).values())) == len(MODELS) == len(COLOURS)


def test_a_clip_and_painting_has_the_same_dash_with_every_model(variant):
    ink = {"style": {"name": "ink"}}
    looks = appearance([variant("naive"), variant("naive", **ink), variant("flow", **ink), variant("flow")])
    assert [dash for _, dash in looks] == ["solid", "dash", "dash", "solid"]
    nine = [variant(model, style={"name": str(number)}) for number in range(9) for model in ("naive", "flow")]
    assert len(set(appearance(nine))) == 18


def test_a_setting_that_comes_with_the_model_is_told_from_one_that_was_chosen(variant):
    runs = [variant("naive", start="content", passes=1), variant("flow", start="warped", passes=2)]
    named = {setting.key: implied_by_choice(setting, runs) for setting in differing_settings(runs)}
    assert named == {"model": False, "eta": False, "passes": False, "start": True}
    runs.append(variant("flow", start="content", passes=2))
    assert not any(implied_by_choice(setting, runs) for setting in differing_settings(runs))


def test_runs_are_compared_within_a_clip_a_painting_and_a_motion(variant):
    one = variant()
    assert group_of(one) == group_of(variant("naive"))
    assert group_of(one) != group_of(variant(video={"name": "other"}))
    assert group_of(one) != group_of(variant(style={"name": "ink"}))
    assert group_of(one) != group_of(replace(one, motion="dis"))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_the_front_is_what_nothing_is_better_than(points):
    best = [
        index
        for index, point in enumerate(points)
        if not any(o != point and o[0] <= point[0] and o[1] <= point[1] for o in points)
    ]
    assert sorted(pareto_front(points)) == best
