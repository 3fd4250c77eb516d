from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from vst.composing import composed
from vst.config import conf_dir
from vst.errors import InputError
from vst.runs.settings import resolve
from vst.search.results import experiment_file
from vst.search.space import Choice, Interval, Space, read, reference


@pytest.fixture(autouse=True)
def no_hydra_left():
    yield
    GlobalHydra.instance().clear()


@pytest.mark.parametrize(
    ("given", "option", "dimension"),
    [
        ("eta=tag(log,interval(1e2,1e6))", "eta", Interval(100.0, 1e6, log=True)),
        ("eta=interval(1,5)", "eta", Interval(1.0, 5.0)),
        ("evaluations=int(interval(20,60))", "evaluations", Interval(20, 60, whole=True)),
        ("eta=1e3,1e4", "eta", Choice(("1000.0", "10000.0"))),
        ("flow=choice(dis,deepflow)", "flow", Choice(("dis", "deepflow"))),
        ("eta=range(1000,4000,1000)", "eta", Choice(("1000", "2000", "3000"))),
    ],
)
def test_what_has_several_values_is_searched(given, option, dimension):
    space = read(["model=flow", given, "video.frames=8"])
    assert space == Space(("model=flow", "video.frames=8"), {option: dimension})


def test_without_any_the_weights_are():
    log = Interval(1e4, 1e6, log=True), Interval(1e2, 1e7, log=True)
    assert read(["model=flow"]).searched == {"beta": log[0], "eta": log[1]}
    assert read(["model=naive"]).searched == {"beta": log[0]}
    assert read(["model=flow", "beta=2e5"]).searched == {"eta": log[1]}


def test_a_trial_is_the_fixed_overrides_and_its_setting():
    space = read(["model=flow", "eta=interval(1,9)"])
    assert space.overrides({"eta": 2.5}) == ["model=flow", "eta=2.5"]


def test_settings_are_counted_where_they_can_be():
    assert read(["model=flow", "eta=1,2,3", "flow=dis,deepflow"]).size == 6
    assert read(["model=flow", "eta=1,2,3", "beta=interval(1,2)"]).size is None


@pytest.mark.parametrize(
    ("given", "point"),
    [
        (["model=flow"], {"beta": 1e5, "eta": 3e4}),
        (["model=flow", "eta=interval(1,9)", "beta=interval(1,1e6)"], {"beta": 1e5}),
        (["model=flow", "eta=1e3,3e4,1e5"], {"eta": "30000.0"}),
        (["model=flow", "flow=dis,deepflow"], {"flow": "deepflow"}),
    ],
)
def test_the_defaults_are_where_it_starts(given, point):
    assert read(given).starting_point() == point


BAD = [
    (["eta=interval(5,1)"], "eta has the interval 5 to 1, which is empty"),
    (["eta=interval(5,5)"], "which is empty"),
    (["eta=interval(0,inf)"], "which is empty"),
    (["eta=tag(log,interval(0,5))"], "has no logarithm"),
    (["eta=tag(log,choice(1,2))"], "tag log, which only an interval may have"),
    (["eta=tag(lgo,interval(1,5))"], "has the unknown tag lgo"),
    (["eta=range(5,1)"], "eta has a range without values"),
    (["eta=interval(1,5)", "eta=3"], "eta is given twice"),
    (["ets=interval(1,5)"], "ets is not an option, did you mean eta"),
    (["+ets=interval(1,5)"], "ets is not an option"),
    (["loss.coherence.wrap=forward,backward"], "loss.coherence.wrap is not an option"),
    (["+loss.coherence.wrap=forward,backward"], "loss.coherence.wrap is not an option here"),
    (["flow=dis,deapflow"], "flow=deapflow is not known"),
    (["evaluations=interval(20,60)"], "evaluations=20.0 is not a whole number"),
    (["eta=interval(-1,5)"], "eta=-1.0 is not a number from 0"),
    (["eta=interval(1,5"], "cannot be understood"),
    (["video=talk,anime"], "video cannot be searched"),
    (["style.size=64,128"], "style.size cannot be searched"),
    (["loss.style.weight=interval(1,2)"], "loss.style.weight cannot be searched"),
    (["experiment=fig1,fig2"], "experiment cannot be searched"),
    (["hydra.run.dir=x"], "hydra.run.dir cannot be given to a search"),
    (["resume=somewhere"], "resume cannot be given to a search"),
    (["beta=1e5", "eta=1e4"], "there is nothing to search"),
    (["model=naive", "eta=1,2"], "has no coherence term"),
    (["model=robots"], "model=robots is not known"),
    (["video=file"], "video.path is not given"),
    (["video=file", "video.path=x", "flow=dis,raft"], "the metrics use would change with it"),
]


@pytest.mark.parametrize(
    ("given", "sentence"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_what_cannot_be_searched_is_refused(given, sentence):
    model = [] if any(item.startswith("model=") for item in given) else ["model=flow"]
    with pytest.raises(InputError) as refused:
        read([*model, *given])
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("fixed", "naive"),
    [
        (["model=flow", "video.frames=8", "beta=2e5"], ["video.frames=8", "beta=2e5", "model=naive"]),
        (["model=mse", "eta=1e4", "seed=3"], ["seed=3", "model=naive"]),
        (["model=ruder_multipass", "passes=3", "start=warped", "evaluation_factors=[1]"], ["model=naive"]),
        (["start=noise", "model=flow", "loss.coherence.warp=backward"], ["start=noise", "model=naive"]),
        (["model=enhanced", "gate@loss.coherence.gate=closing"], ["model=naive"]),
        (["model=robust", "loss.revealed=null"], ["model=naive"]),
        (["model=robust", "~loss.revealed", "loss.revealed.weight=1"], ["model=naive"]),
        (["model=ruder_multipass", "start.blend=0.3"], ["model=naive"]),
    ],
)
def test_the_reference_is_the_naive_model_with_all_else_alike(fixed, naive):
    assert reference(fixed) == naive
    assert resolve(_placed(composed(naive)))["eta"] == 0


def _placed(cfg):
    cfg.paths.run = "."
    return cfg


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=flow", "video=anime", "video.frames=8", "style=ink", "eta=1234.5", "beta=2e5"],
        ["experiment=fig3", "model=mse", "eta=7", "video.frames=12"],
        ["model=enhanced", "gate@loss.coherence.gate=closing", "eta=7"],
        ["model=naive", "~callbacks.curves", "+trainer.benchmark=null", "logger=wandb", "start=noise"],
        [
            "model=robust",
            "loss.coherence.anchor_weight=0.2",
            "flow=dis",
            "evaluation_factors=[1]",
            "cuts=[3,9]",
        ],
        ["model=flow", "video=file", "video.path='a, b (1).mp4'", "style.seed=2"],
        ["model=flow", "+style@styles.night=ink", "styles.night.weight=2", "eta=7"],
    ],
)
def test_the_experiment_composes_to_what_the_overrides_did(overrides, tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "best.yaml").write_text(
        experiment_file(overrides, "Made here."), encoding="utf-8"
    )
    expected = _built(resolve(_placed(composed(overrides))))
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir().resolve()), version_base="1.3"):
        search = f"hydra.searchpath=[file://{tmp_path}]"
        found = compose("config", overrides=[search, "experiment=best"])
    assert _built(resolve(_placed(found))) == expected


def _built(settings):
    """Without the parts that are null, which build nothing."""
    return {
        group: {key: value for key, value in node.items() if value is not None}
        if isinstance(node, dict)
        else node
        for group, node in settings.items()
    }
