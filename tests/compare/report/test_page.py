from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from vst.compare.report import write_report
from vst.compare.report.data import _thinned
from vst.compare.report.page import title_of
from vst.compare.report.sections import _spread
from vst.runs.rows import Row


class Reader(HTMLParser):
    """The page's elements, and its text."""

    def __init__(self, page: Path):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.data: dict = {}
        self._in_data = False
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._in_data = dict(attrs).get("id") == "data"

    def handle_data(self, data):
        if self._in_data:
            self.data = json.loads(data)
            self._in_data = False
        elif data.strip():
            self.texts.append(data.strip())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def sweep(write_run, tmp_path):
    folder = tmp_path / "sweep"
    for number, model in enumerate(("naive", "mse", "flow")):
        write_run(folder / f"{number}-{model}", model, level=50 * number)
    return folder


def test_everything_it_needs_lies_where_it_says(sweep):
    page = write_report([sweep])
    assert page == sweep / "report" / "index.html"
    reader = Reader(page)
    scripts = [item["src"] for item in reader.all("script") if "src" in item]
    assert scripts[0] == "plotly.min.js"
    files = [*scripts, *(item["href"] for item in reader.all("link") if item["rel"] == "stylesheet")]
    runs, contents = reader.data["runs"], reader.data["contents"]
    files += [run["video"] for run in runs]
    files += [f"{item['frames']}000004.png" for item in (*runs, *contents)]
    files += [content["video"] for content in contents]
    for file in files:
        assert (page.parent / unquote(file)).is_file(), file
    assert runs[0]["video"] == "../0-naive/stylized.mp4"  # referred to, not copied


def test_nothing_is_fetched(sweep):
    text = write_report([sweep]).read_text(encoding="utf-8")
    assert not re.search(r"https?://", text)


def test_hostile_names_are_text(write_run, tmp_path):
    hostile = "<img src=x onerror=alert(1)> & %{x}"
    folder = tmp_path / "a # b?"
    run = write_run(
        folder / hostile.replace("/", ""), model=hostile, style="</script><script>alert(2)</script>"
    )
    write_run(folder / "2", "naive", clip='"><svg onload=alert(3)>')
    page = write_report([folder])
    reader = Reader(page)
    assert not [
        item for tag, item in reader.elements if tag == "img" or "onload" in item or "onerror" in item
    ]
    assert len([item for item in reader.all("script") if "src" not in item]) == 1
    assert any(text.startswith(hostile) for text in reader.texts)
    found = {run["name"]: run for run in reader.data["runs"]}
    assert (page.parent / unquote(found[run.name]["video"])).is_file()


def test_a_page_is_written_anew_over_an_old_one(sweep, write_run):
    write_report([sweep])
    write_run(sweep / "3-flow", "flow")
    page = write_report([sweep])
    assert len(Reader(page).data["runs"]) == 4
    assert not list(page.parent.glob("*.part"))


def test_runs_of_every_kind_in_one_page(write_run, tmp_path):
    write_run(tmp_path / "a-finished", "naive")
    write_run(tmp_path / "b-going", "mse", frames=2, status=None, video=False)
    write_run(tmp_path / "c-broken", "flow", frames=3, status="broken")
    (tmp_path / "d-begun" / ".hydra").mkdir(parents=True)
    (tmp_path / "d-begun" / ".hydra" / "config.yaml").write_text("model: flow\n")
    reader = Reader(write_report([tmp_path]))
    runs = reader.data["runs"]
    assert [run["status"] for run in runs] == ["finished", "stopped", "broken", "stopped"]
    assert [run["count"] for run in runs] == [5, 2, 3, 0]
    assert runs[1]["video"] is None
    assert "2 of 5" in reader.texts
    assert any("does not say how to read it" in text for text in reader.texts)


def test_a_single_run_of_today(write_run, tmp_path):
    page = write_report([write_run(tmp_path / "run", extra=False)])
    reader = Reader(page)
    assert page == tmp_path / "run" / "report" / "index.html"
    assert "tradeoff" not in reader.data["figures"]
    assert "parallel" not in reader.data["figures"]
    assert "warping error" not in reader.texts


def test_sixty_runs(write_run, tmp_path):
    for number in range(60):
        write_run(tmp_path / f"{number}", ("naive", "mse", "flow")[number % 3], pictures=False, video=False)
    runs = Reader(write_report([tmp_path])).data["runs"]
    assert len(runs) == 60
    assert len({run["label"] for run in runs}) == 60


def test_a_choice_of_key_frames_keeps_the_ends():
    assert _spread(range(5), 8) == [0, 1, 2, 3, 4]
    assert _spread(range(100), 5) == [0, 25, 50, 74, 99]


def test_curves_are_thinned_evenly_and_keep_their_end():
    rows: list[Row] = [{"evaluation": float(number)} for number in range(6)]
    assert _thinned(rows, 2) == [rows[0], rows[2], rows[4], rows[5]]
    assert _thinned(rows[:1], 1) == rows[:1]


def test_a_page_of_many_folders_is_called_by_the_one_that_holds_them(tmp_path):
    runs = [tmp_path / "grid" / name for name in "abcd"]
    assert title_of(runs[:1], runs[0] / "report") == "a"
    assert title_of(runs[:3], tmp_path / "page") == "a, b, c"
    assert title_of(runs, tmp_path / "page") == "grid"


def test_a_page_in_the_folder_that_holds_its_runs_is_called_by_it(tmp_path):
    folder = tmp_path / "search"
    assert title_of([folder / "trials", folder / "naive"], folder / "report") == "search"
