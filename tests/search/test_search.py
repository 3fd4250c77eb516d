"""Real searches of small runs, with filters that need no download."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from vst.compare.runs import read_run
from vst.config import conf_dir, register_schema
from vst.errors import ClipBroke, InputError, VstError
from vst.runs.identity import identity
from vst.runs.table import Table
from vst.search.command import main, parse
from vst.search.results import write_results
from vst.search.space import read
from vst.search.study import Trials
from vst.search.sweep import reporting_search_errors, search
from vst.search.workers import Outcome, Task, Workers, paint

SMALL = [
    *(
        "backbone=random",
        "backbone.weights.width=8",
        "video=talk",
        "video.height=32",
        "video.width=48",
        "video.frames=3",
    ),
    *("style.size=48", "evaluations=3", "flow=dis"),
]


@pytest.fixture
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the page out: it takes long, and one test that has it is enough."""
    monkeypatch.setattr("vst.search.results.write_report", lambda runs, folder: folder)


@pytest.fixture(autouse=True)
def workers_begin_at_once(server):
    """Workers are forked from a process that is there already, as they are within one search."""


@pytest.fixture(autouse=True)
def no_hydra_left():
    yield
    GlobalHydra.instance().clear()


def rows(folder: Path) -> list[dict[str, str]]:
    return Table(folder / "trials.csv").read()


def record(run: Path) -> dict:
    return json.loads((run / "metrics.json").read_text(encoding="utf-8"))


def stamps(run: Path) -> dict[str, int]:
    return {str(file.relative_to(run)): file.stat().st_mtime_ns for file in run.rglob("*") if file.is_file()}


def wait_until(true: Callable[[], bool], alive: Callable[[], bool]) -> None:
    while not true():
        assert alive(), "it ended before it was to be"
        time.sleep(0.01)


def test_two_workers_try_every_choice_once_and_leave_what_they_say(tmp_path, capsys, request):
    space = read([*SMALL, "model=mse", "eta=1,1e3,1e6"])
    said = search(tmp_path, space, total=9, workers=2)

    found = rows(tmp_path)
    assert sorted(float(row["eta"]) for row in found) == [1, 1e3, 1e6]
    assert [row["state"] for row in found] == ["finished"] * 3
    for row in found:
        run = tmp_path / "trials" / f"{int(row['number']):03d}"
        summary = record(run)["summary"]
        for name in ("warping_error", "style", "content"):
            assert float(row[name]) == pytest.approx(summary[name], rel=1e-6)
        assert record(run)["provenance"]["config"]["eta"] == float(row["eta"])
    assert record(tmp_path / "naive")["provenance"]["config"]["model"] == "naive"
    assert "to run it" in said
    assert (tmp_path / "report" / "index.html").is_file()

    # the experiment is the run of the trial that is named best
    best = int(said.partition("trial ")[2].split()[0].rstrip(";"))
    register_schema()
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir().resolve()), version_base="1.3"):
        cfg = compose("config", overrides=[f"hydra.searchpath=[file://{tmp_path}]", "experiment=best"])
    settings = record(tmp_path / "trials" / f"{best:03d}")["provenance"]["config"]
    assert (cfg.eta, cfg.model, cfg.video.frames) == (settings["eta"], "mse", 3)

    # called again, it has nothing to do, and a larger total does not repeat what there is
    request.getfixturevalue("no_page")
    before = stamps(tmp_path / "trials")
    capsys.readouterr()
    search(tmp_path, space, total=20)
    assert stamps(tmp_path / "trials") == before
    assert "trial" not in capsys.readouterr().out.replace(str(tmp_path), "")


def test_a_hopeless_setting_is_given_up(tmp_path, no_page):
    # three evaluations leave noise: as far from the clip and the painting as from the frame before
    given = [option for option in SMALL if not option.startswith("video.frames")]
    space = read([*given, "video.frames=5", "model=mse", "start=content,noise"])
    search(tmp_path, space, total=2, prune_after=2)
    good, hopeless = rows(tmp_path)
    assert [good["state"], hopeless["state"]] == ["finished", "pruned"]
    assert (good["front"], hopeless["front"], hopeless["style"]) == ("1", "0", "")
    run = tmp_path / "trials" / "001"
    assert record(run)["status"] == "pruned"
    assert len(Table(run / "metrics.csv").read()) == 3, "the first frame, and two more"
    assert read_run(run, "001").status == "pruned"


def test_a_killed_search_goes_on_where_it_was(tmp_path, start, monkeypatch):
    monkeypatch.setattr(
        "vst.search.results.write_report", lambda runs, folder: folder
    )  # slow, and tested above
    options = [item for item in SMALL if not item.startswith(("evaluations", "video.frames"))]
    options += ["evaluations=15", "video.frames=4", "model=mse", "eta=tag(log,interval(1e2,1e6))", "beta=1e4"]
    process = start("sweep", "-o", str(tmp_path), "--trials", "3", "--prune", "0", *options).process
    second = tmp_path / "trials" / "001"
    wait_until(lambda: (second / "frames" / "000001.png").is_file(), process.is_alive)
    process.kill()
    process.join()
    first = stamps(tmp_path / "trials" / "000")
    reference = stamps(tmp_path / "naive")
    painted = (second / "frames" / "000000.png").stat().st_mtime_ns

    search(tmp_path, read(options), total=3)
    assert stamps(tmp_path / "trials" / "000") == first, "what was finished is not painted again"
    assert stamps(tmp_path / "naive") == reference
    assert (second / "frames" / "000000.png").stat().st_mtime_ns == painted, (
        "nor is a frame of the one it was in"
    )
    assert [(row["number"], row["state"]) for row in rows(tmp_path)] == [
        ("0", "finished"),
        ("1", "finished"),
        ("2", "finished"),
    ]
    assert float(rows(tmp_path)[0]["eta"]) == 1e3, "the default comes first"
    assert {path.name for path in (tmp_path / "trials").iterdir()} == {"000", "001", "002"}


def call(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["vst.sweep", *arguments])
    try:
        main()
    except SystemExit as left:
        return int(left.code or 0)
    return 0


def test_it_ends_by_a_signal_and_can_go_on(tmp_path, monkeypatch, capsys):
    options = [*SMALL, "model=mse", "eta=1,2"]
    options[options.index("evaluations=3")] = "evaluations=20"
    run = tmp_path / "trials" / "000"

    def end() -> None:
        wait_until(lambda: (run / "frames" / "000000.png").is_file(), lambda: True)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end, daemon=True).start()
    assert call(monkeypatch, "-o", str(tmp_path), *options) == 143
    assert capsys.readouterr().err.endswith("vst: ended by SIGTERM; the same command resumes it\n")
    assert record(run)["status"] == "interrupted", "its worker was given time to leave a record"
    trials = Trials(tmp_path, read(options), seed=0)
    assert trials.unfinished() == [(0, {"eta": "1"})]


def test_workers_work_at_the_same_time_and_one_that_dies_is_told_of(tmp_path):
    with Workers(2) as pool:
        for name in ("a", "b"):
            assert pool.idle
            pool.start(Task(name, tmp_path / name, [*SMALL, "model=naive", "evaluations=2000"]))
        assert (pool.busy, pool.idle) == (2, False)
        process, _ = next(iter(pool._busy.values()))
        process.kill()
        task, outcome = pool.next()
        assert (task.name, outcome.status, outcome.values) == ("a", "interrupted", None)
        assert "with status -9" in outcome.reason
        assert pool.idle


@pytest.mark.parametrize(
    ("given", "status", "sentence"),
    [
        (["video.frames=1"], 1, "the run has no warping_error"),
        (["video.frames=3", "style=file", "style.path=no-such-painting.png"], 2, "no-such-painting.png"),
    ],
)
def test_what_cannot_be_painted_ends_the_search_before_it_is_one(
    tmp_path, capsys, monkeypatch, given, status, sentence
):
    options = [option for option in SMALL if option != "video.frames=3"]
    assert call(monkeypatch, "-o", str(tmp_path), *options, "model=mse", "eta=1,2", *given) == status
    err = capsys.readouterr().err
    assert err.startswith("vst: the reference, the naive model, cannot be painted: ")
    assert sentence in err
    # corrected, it may go on in the same folder
    study(tmp_path, "eta=1,2,3").plan(3)


def test_what_is_no_value_of_an_option_is_refused_before_the_reference_is_painted(
    tmp_path, capsys, monkeypatch
):
    assert call(monkeypatch, "-o", str(tmp_path), *SMALL, "model=mse", "eta=1,2", "video.seed=-1") == 2
    assert capsys.readouterr().err.startswith("vst: video.seed=-1 is not a whole number from 0 ")
    assert not list(tmp_path.iterdir())


def test_a_trial_whose_process_was_killed_is_left_to_the_next_call(tmp_path, monkeypatch, capsys, no_page):
    space = read([*SMALL, "model=mse", "eta=1,2"])
    true = Workers.next

    def kill_first(pool: Workers) -> tuple[Task, Outcome]:
        task, outcome = true(pool)
        return task, Outcome("interrupted") if task.name == "0" else outcome

    with monkeypatch.context() as patch:
        patch.setattr(Workers, "next", kill_first)
        with pytest.raises(VstError, match=r"1 interrupted, 0 failed.*the same command resumes"):
            search(tmp_path, space, total=2)
    assert "best" in capsys.readouterr().out, "what came of the other is said"
    assert [row["state"] for row in rows(tmp_path)] == ["running", "finished"]
    search(tmp_path, space, total=2)
    assert [row["state"] for row in rows(tmp_path)] == ["finished", "finished"]


def test_where_all_trials_were_lost_the_same_command_goes_on(tmp_path):
    space = read(["model=flow", "eta=1,2"])
    trials = Trials(tmp_path, space, 0)
    number, _ = trials.ask()
    with pytest.raises(VstError, match=r"no trial finished.* the same command resumes them"):
        write_results(tmp_path, space, trials, (1.0, 1.0, 1.0))
    trials.tell(number, Outcome("pruned"))
    with pytest.raises(VstError, match=r"no trial finished.* --prune 0"):
        write_results(tmp_path, space, trials, (1.0, 1.0, 1.0))


def test_a_passing_fault_is_tried_again_and_another_is_not(tmp_path, monkeypatch):
    def full(*given, **options):
        raise OSError(28, "No space left on device", "/there")

    def broken(*given, **options):
        raise ClipBroke("the clip", 2, "it cannot be read")

    def wrong(*given, **options):
        raise VstError("it cannot be")

    task = Task("a", tmp_path / "a", [*SMALL, "model=naive"])
    monkeypatch.setattr("vst.runs.run.run", full)
    outcome = paint(task)
    assert (outcome.status, outcome.exit_status) == ("interrupted", 2)
    assert "/there: No space left on device" in outcome.reason
    monkeypatch.setattr("vst.runs.run.run", broken)
    assert paint(task).status == "interrupted"
    monkeypatch.setattr("vst.runs.run.run", wrong)
    assert paint(task) == Outcome("failed", reason="it cannot be", exit_status=1)


def test_a_storage_that_is_lost_gets_one_sentence(monkeypatch, capsys):
    from optuna.exceptions import StorageInternalError

    with pytest.raises(SystemExit) as left, reporting_search_errors():
        raise StorageInternalError("An exception is raised during the commit.\nAnd more.")
    assert left.value.code == 1
    assert capsys.readouterr().err == (
        "vst: the storage is not available (An exception is raised during the commit); the same command resumes once "
        "it is\n"
    )


def study(folder: Path, *given: str, seed: int = 0) -> Trials:
    folder.mkdir(exist_ok=True)
    return Trials(folder, read(["model=flow", *given]), seed)


def test_suggestions_repeat_themselves_by_seed_and_number(tmp_path):
    def suggested(folder: str, seed: int) -> list[dict]:
        trials = study(tmp_path / folder, "eta=interval(1,9)", seed=seed)
        trials.plan(4)
        settings = []
        for value in (3.0, 1.0, 2.0):
            number, setting = trials.ask()
            trials.tell(number, Outcome("finished", (value, value, value)))
            settings.append(setting)
        return settings

    one, same, other = suggested("one", 5), suggested("same", 5), suggested("other", 6)
    assert one == same != other
    assert len({setting["eta"] for setting in one}) == 3
    assert all(1 <= setting["eta"] <= 9 for setting in one)


def test_a_lost_storage_says_what_the_database_did(tmp_path, capsys):
    trials = study(tmp_path, "eta=interval(1,9)")
    with sqlite3.connect(tmp_path / "study.db") as database:
        database.execute("DROP TABLE trials")
    with pytest.raises(SystemExit), reporting_search_errors():
        trials.ask()
    assert "the storage is not available (no such table: trials)" in capsys.readouterr().err


def tried(trials: Trials, total: int) -> list[dict]:
    """The settings that a search of so many trials tries from here, each finished at once."""
    settings, planned = [], trials.plan(total)
    while trials.begun() < planned:
        number, setting = trials.ask()
        trials.tell(number, Outcome("finished", (float(number), 1.0, 1.0)))
        settings.append(setting)
    return settings


def test_no_setting_is_tried_twice_while_others_are_left(tmp_path):
    given = ["eta=1,2,3,4", "beta=1,2"]
    first = tried(study(tmp_path, *given), 5)
    assert len({tuple(setting.items()) for setting in first}) == 5
    second = tried(study(tmp_path, *given), 8)
    assert len(second) == 3
    assert len({tuple(setting.items()) for setting in first + second}) == 8
    assert tried(study(tmp_path, *given), 8) == []
    assert tried(study(tmp_path / "again", *given), 5) == first, "by the seed"


def test_all_settings_are_tried_though_some_were_tried_twice(tmp_path):
    trials = study(tmp_path, "eta=1,2,3")
    for _ in range(2):
        trials._study.enqueue_trial({"eta": "2"})
        trials.tell(trials.ask()[0], Outcome("finished", (1.0, 1.0, 1.0)))
    assert {setting["eta"] for setting in tried(trials, 3)} == {"1", "3"}


@pytest.mark.parametrize("state", ["RUNNING", "WAITING", "COMPLETE"])
@pytest.mark.parametrize(
    "setting",
    [
        {"+callbacks.own": "{_target_: subprocess.Popen, args: [touch, mark]}"},
        {"callbacks.metrics.directory": "elsewhere"},
        {"eta": "${oc.env:HOME}"},
        {"eta": 3.0},
    ],
)
def test_a_study_from_elsewhere_chooses_nothing_that_is_not_searched(tmp_path, setting, state):
    from optuna.distributions import CategoricalDistribution
    from optuna.trial import TrialState, create_trial

    trials = study(tmp_path, "eta=interval(1,9)")
    ended = state == "COMPLETE"
    trials._study.add_trial(
        create_trial(
            state=TrialState[state],
            params=setting,
            distributions={option: CategoricalDistribution([value]) for option, value in setting.items()},
            values=[0.0, 0.0, 0.0] if ended else None,
            user_attrs={"place": "", "means": []},
        )
    )
    with pytest.raises(InputError, match=r"trial 0 of the study .* is not of this search"):
        study(tmp_path, "eta=interval(1,9)")


def test_a_search_under_other_defaults_is_refused(tmp_path, monkeypatch):
    study(tmp_path, "eta=interval(1,9)").plan(1)
    study(tmp_path, "eta=interval(1,9)").plan(1)
    monkeypatch.setattr(
        "vst.search.space.identity", lambda settings: {**identity(settings), "evaluations": 7}
    )
    with pytest.raises(
        InputError, match=r"another configuration under the same options; .*original defaults in conf/"
    ):
        study(tmp_path, "eta=interval(1,9)")


def test_a_file_is_the_same_wherever_it_lies(tmp_path):
    for place, text in (("a", "same"), ("b", "same"), ("c", "another")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "clip.mp4").write_text(text)
    one, same, other = (
        read(["model=flow", "eta=1,2", "video=file", f"video.path={tmp_path / place}/clip.mp4"]).fingerprint()
        for place in "abc"
    )
    assert one == same != other
    # one that is fetched is told by what fetches it
    assert read(["model=flow", "eta=1,2", "video=carphone", "callbacks.metrics.motion=raft"]).fingerprint()


def test_any_folder_will_do(tmp_path):
    folder = tmp_path / "what? 100%"
    study(folder, "eta=1,2").plan(1)
    assert [file.name for file in tmp_path.iterdir()] == [folder.name]
    assert study(folder, "eta=1,2").plan(1) == 1


def test_a_study_remembers_states_and_its_front(tmp_path):
    trials = study(tmp_path, "eta=1,2,3,4,5")
    assert trials.plan(9) == 5
    outcomes = [
        Outcome("finished", (1.0, 5.0, 5.0), [(1.0, 2.0, 3.0)]),
        Outcome("finished", (2.0, 4.0, 4.0), [(4.0, 5.0, 6.0)]),
        Outcome("finished", (2.0, 5.0, 5.0), [(7.0, 8.0, 9.0)]),
        Outcome("pruned"),
    ]
    for outcome in outcomes:
        trials.tell(trials.ask()[0], outcome)
    trials.ask()
    again = study(tmp_path, "eta=1,2,3,4,5")
    assert again.plan(9) == 5
    assert (again.begun(), again.unfinished()) == (5, [(4, {"eta": "5"})])
    for same in (trials, again):
        assert [list(map(tuple, means)) for means in same.finished_means()] == [
            [(1, 2, 3)],
            [(4, 5, 6)],
            [(7, 8, 9)],
        ]
    assert [(row["eta"], row["state"], row["front"]) for row in again.table()] == [
        ("1", "finished", 1),
        ("2", "finished", 1),
        ("3", "finished", 0),
        ("4", "pruned", 0),
        ("5", "running", 0),
    ]


@pytest.mark.parametrize(
    ("given", "seed", "what"),
    [
        (["eta=interval(1,8)"], 0, "another range of eta"),
        (["eta=interval(1,9)", "beta=1e4"], 0, "another beta"),
        (["eta=interval(1,9)"], 1, "another seed"),
    ],
)
def test_another_search_in_the_same_folder_is_refused(tmp_path, given, seed, what):
    study(tmp_path, "eta=interval(1,9)").plan(1)
    with pytest.raises(InputError, match=what):
        study(tmp_path, *given, seed=seed)


def test_machines_that_share_a_storage_go_on_with_their_own(tmp_path):
    storage = f"sqlite:///{tmp_path / 'shared.db'}"
    space = read(["model=flow", "eta=interval(1,9)"])
    here, there = (Trials(tmp_path / place / "eta", space, 0, storage) for place in ("here", "there"))
    numbers = [here.ask()[0], there.ask()[0]]
    assert numbers == [0, 1]
    assert here.begun() == there.begun() == 2
    assert [number for number, _ in here.unfinished()] == [0]
    assert [number for number, _ in there.unfinished()] == [1]


def test_a_machine_that_comes_too_late_shows_what_the_others_found(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("vst.search.results.write_report", lambda runs, folder: shown.append(runs))
    storage = f"sqlite:///{tmp_path / 'shared.db'}"
    space = read([*SMALL, "model=mse", "eta=1,2"])
    tried(Trials(tmp_path / "early" / "eta", space, 0, storage), 2)
    late = tmp_path / "late" / "eta"
    assert "eta=1" in search(late, space, total=2, storage=storage)
    assert shown == [[late / "naive"]]


def test_arguments_may_stand_between_overrides():
    given = parse(["model=flow", "-o", "there", "eta=1,2", "--workers", "3", "~callbacks.curves"])
    assert given.overrides == ["model=flow", "eta=1,2", "~callbacks.curves"]
    assert (given.output, given.workers, given.trials, given.prune) == (Path("there"), 3, 40, 3)


WRONG = [
    (["model=flow"], "-o"),
    (["-o"], "-o"),
    (["-o", "{folder}", "--trials", "0"], "0 is not a whole number of 1 or more"),
    (["-o", "{folder}", "--trials", "many"], "many is not a whole number of 1 or more"),
    (["-o", "{folder}", "--works", "2"], "--works"),
    (["-o", "{folder}", "eta=interval(5,1)"], "which is empty"),
    (["-o", "{folder}", "model=flow", "ets=1,2"], "did you mean eta"),
    (["-o", "{folder}/file"], "cannot be written"),
    (["-o", "{folder}/used", "model=flow"], "is in use by another search"),
    (["-o", "{folder}/theirs", "model=flow"], "holds trials of a search that is not in this storage"),
    (["-o", "{folder}/new", "--storage", "nowhere", "model=flow"], "the storage nowhere cannot be used"),
    (["-o", "{folder}/new", "--storage", "sqlite:////no/such.db", "model=flow"], "cannot be used"),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG, ids=lambda value: " ".join(value)[:50])
def test_wrong_calls_get_one_sentence(tmp_path, monkeypatch, capsys, arguments, sentence):
    (tmp_path / "file").write_text("")
    for name in ("used", "theirs/trials"):
        (tmp_path / name).mkdir(parents=True)
    with FileLock(tmp_path / "used" / ".lock"):
        status = call(monkeypatch, *(argument.format(folder=tmp_path) for argument in arguments))
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert err.startswith("vst: ")
    assert err.count("\n") == 1
    assert sentence in err
    assert not (tmp_path / "new").exists()
    assert not list((tmp_path / "theirs").glob("*.db"))


def test_wrong_input_does_not_pay_for_what_paints(tmp_path):
    script = "import sys; from vst.search.command import main\n"
    script += (
        f"sys.argv = ['vst.sweep', '-o', {str(tmp_path / 'new')!r}, 'model=flow', 'eta=interval(5,1)']\n"
    )
    script += "try: main()\nexcept SystemExit: print([name in sys.modules for name in ('torch', 'optuna')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[False, False]"
    assert not (tmp_path / "new").exists()


def test_help(monkeypatch, capsys):
    assert call(monkeypatch, "--help") == 0
    assert capsys.readouterr().out.startswith("python -m vst.sweep -o DIR")
