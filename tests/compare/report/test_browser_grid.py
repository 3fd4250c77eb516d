"""The page of a grid in a real Chromium: what it says of models, clips and paintings, and what the filters do to it."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import pytest

from tests.compare.report.looking import names, panels, until
from tests.run_directories import settings
from vst.compare.report import write_report

ERRORS = {"naive": 8e-3, "flow": 2e-3}
"""Warping error of each model on `talk` in `swirls`; half of it in `ink`, twice as much on `anime`."""


def write_grid(write_run, folder: Path, *, runs: int = 8) -> Path:
    for model, clip, style in list(itertools.product(ERRORS, ("talk", "anime"), ("swirls", "ink")))[:runs]:
        config = settings(
            model,
            video={
                "_target_": f"vst.synthetic.scenes.{clip.title()}",
                "height": 32,
                "width": 48,
                "frames": 5,
            },
            style={"_target_": "vst.styles.DrawnPainting", "name": style, "size": 48},
            start={
                "_target_": "vst.painting.start.filled_start"
                if model == "flow"
                else "vst.painting.start.content_start"
            },
        )
        error = ERRORS[model] * (2 if clip == "anime" else 1) / (2 if style == "ink" else 1)
        summary = {"warping_error": error, "style": 4e-4 if model == "naive" else 3e-4, "seconds": 2.0}
        write_run(
            folder / f"{model}-{style}-{clip}",
            model,
            config=config,
            clip=clip,
            style=style,
            summary=summary,
            video=False,
        )
    return write_report([folder])


@pytest.fixture(scope="module")
def report(write_run, tmp_path_factory) -> Path:
    return write_grid(write_run, tmp_path_factory.mktemp("grid"))


@pytest.fixture
def page(report, open_page):
    return open_page(report)


def marked(element, text: str) -> str:
    """A figure as it is seen: the star comes from the style sheet."""
    return f"★ {text}" if "best" in (element.get_attribute("class") or "").split() else text


def means(page) -> dict[str, list[str]]:
    return {
        row.locator("th").inner_text(): [marked(cell, cell.inner_text()) for cell in row.locator("td").all()]
        for row in page.locator(".glance tbody tr").all()
        if row.is_visible()
    }


def test_the_first_screen_says_which_model_keeps_which_clip_coherent_and_at_what_cost(page):
    assert page.locator("#glance").bounding_box()["y"] < 200
    heads = page.locator(".glance thead th").all_inner_texts()
    assert [" ".join(head.split()) for head in heads] == [
        "warping error × 10−3 ↓",
        "style loss × 10−6 ↓",
        "content loss ↓",
        "time a frame s ↓",
        "anime",
        "talk",
    ]
    # (8 + 4) / 2 on talk, and twice that on anime; nobody is best where all are alike
    assert means(page) == {
        "flow": ["★ 3.00", "★ 1.50", "★ 300", "30.0", "2.00"],
        "naive": ["12.0", "6.00", "400", "30.0", "2.00"],
    }


def test_the_means_follow_the_filters(page):
    page.select_option("[data-filter=style]", "ink")
    assert means(page)["naive"][:2] == ["8.00", "4.00"]
    page.select_option("[data-filter=model]", "flow")
    assert means(page) == {"flow": ["2.00", "1.00", "300", "30.0", "2.00"]}


def test_a_mean_over_some_of_the_paintings_is_not_ranked(write_run, tmp_path, open_page):
    page = open_page(write_grid(write_run, tmp_path, runs=7))
    assert means(page)["flow"][:3] == ["★ 1.50", "4.00 (1 of 2)", "300 (3 of 4)"]
    assert means(page)["naive"][:3] == ["6.00", "12.0", "400"]


def test_no_means_over_several_settings_of_a_model(write_run, tmp_path, open_page):
    write_run(tmp_path / "another-seed", "flow", video=False)
    write_run(tmp_path / "and-another", "flow", video=False, config=settings("flow", seed=1))
    assert open_page(write_grid(write_run, tmp_path)).locator("#glance").count() == 0


def test_pictures_of_the_grid_stand_apart_with_their_errors(page):
    page.locator("#grid").scroll_into_view_if_needed()
    figures = page.locator("#grid figure").all()
    boxes = [figure.locator(".screen").bounding_box() for figure in figures]
    cells = [figure.locator("xpath=ancestor::td").bounding_box() for figure in figures]
    for box, cell in zip(boxes, cells, strict=True):
        assert cell["x"] <= box["x"]
        assert box["x"] + box["width"] <= cell["x"] + cell["width"]
    pane = page.locator("#grid .scroll").first
    assert pane.evaluate("e => e.scrollWidth <= e.clientWidth")
    shown = [marked(figure, figure.locator("figcaption").inner_text()) for figure in figures]
    # not η, which the models have by themselves; flow is the best of each clip and painting
    assert shown == ["★ 2.00", "★ 1.00", "★ 4.00", "★ 2.00", "8.00", "4.00", "16.0", "8.00"]


def test_what_comes_with_a_model_is_shown_on_demand(page):
    places = "#table [data-sort=start]", "#table td[data-key=start] >> nth=0", "[data-filter=start]"
    assert not any(page.locator(place).is_visible() for place in places)
    page.check("#more")
    assert all(page.locator(place).is_visible() for place in places)


def test_what_plays_follows_the_filters_until_runs_are_ticked(page):
    assert len(panels(page)) == 8
    page.fill("#filter", "naive talk")
    assert list(panels(page)) == ["naive · talk · ink", "naive · talk · swirls"]
    page.locator(".pick:visible").first.click()
    assert list(panels(page)) == ["naive · talk · swirls"]
    page.fill("#filter", "talk")
    assert list(panels(page)) == ["naive · talk · swirls"]


def test_the_wipe_follows_the_filters_until_two_are_chosen(page):
    def sides():
        return [
            page.locator(f"#{side}").evaluate("e => e.selectedOptions[0].text") for side in ("left", "right")
        ]

    page.fill("#filter", "talk ink")
    assert sides() == ["flow · talk · ink", "naive · talk · ink"]
    page.fill("#filter", "naive talk ink")
    assert sides() == ["naive · talk · ink", "content talk"]
    page.click("#swap")
    page.fill("#filter", "anime")
    assert sides() == ["content talk", "naive · talk · ink"]


def test_of_many_runs_those_of_one_clip_and_painting_play(write_run, tmp_path, open_page):
    for number in range(14):
        write_run(tmp_path / f"{number}", video=False, config=settings("flow", seed=number))
    write_run(tmp_path / "other", "naive", video=False, config=settings("naive", style={"name": "ink"}))
    page = open_page(write_report([tmp_path]))
    assert len(panels(page)) == 12
    page.fill("#filter", "naive")
    assert len(panels(page)) == 1


def test_a_filter_that_leaves_nothing_says_so_and_lets_go(page):
    page.select_option("#baseline", "0")
    page.fill("#filter", "▲")  # what the differences say is not what the runs are
    assert names(page) == []
    assert page.locator("#nothing").is_visible()
    assert page.locator("#grid table:visible, #keyframes table:visible").count() == 0
    page.select_option("[data-filter=model]", "flow")
    page.click("#clear")
    assert len(names(page)) == 8
    assert not page.locator("#nothing").is_visible()
    assert not page.locator("#clear").is_visible()
    assert page.locator("#keyframes table:visible").count() == 2


def test_fronts_are_those_of_the_runs_shown(page):
    fronts = "document.querySelector('[data-figure=tradeoff]').data.filter(t => t.meta.front).map(t => t.meta.front)"
    labels = page.evaluate("vst.data.runs.map(r => r.label)")
    assert all(labels[front[0]].startswith("flow") for front in page.evaluate(fronts))
    page.select_option("[data-filter=model]", "naive")
    until(page, f"{fronts}.flat().every(id => vst.data.runs[id].model == 'naive')")
    assert [[labels[i] for i in front] for front in page.evaluate(fronts)] == [
        [f"naive · {clip} · {style}"]
        for style, clip in (("ink", "anime"), ("ink", "talk"), ("swirls", "anime"), ("swirls", "talk"))
    ]
    page.select_option("[data-filter=clip]", "talk")
    until(page, f"{fronts}.length == 2")


def test_the_trade_offs_legend_names_models_and_paintings(page):
    names = "[...document.querySelectorAll('[data-figure=tradeoff] .legendtext')].map(e => e.textContent)"
    assert page.evaluate(names) == [
        "anime, ink",
        "talk, ink",
        "anime, swirls",
        "talk, swirls",
        "flow",
        "naive",
    ]


def test_what_the_legend_hides_is_not_another_run_after_filtering(page):
    seen = "document.querySelector('[data-figure=metrics]')._fullData.filter(t => t.visible === true).length"
    page.locator("[data-figure=metrics]").scroll_into_view_if_needed()
    page.locator("[data-figure=metrics] .legendtoggle").first.click()
    until(page, f"{seen} == 7")
    page.select_option("[data-filter=model]", "naive")
    until(page, f"{seen} == 4")


def test_a_legend_of_many_runs_names_their_models(write_run, tmp_path, open_page):
    for number in range(10):
        model = ("naive", "flow")[number % 2]
        write_run(tmp_path / f"{number}", video=False, pictures=False, config=settings(model, seed=number))
    page = open_page(write_report([tmp_path]))
    figure = page.locator("[data-figure=losses]")
    figure.scroll_into_view_if_needed()
    assert figure.locator(".legendtext").all_text_contents() == ["naive", "flow"]
    figure.locator(".legendtoggle").first.click()
    until(
        page,
        "document.querySelector('[data-figure=losses]')._fullData.filter(t => t.visible === true).length == 5",
    )


def test_nothing_is_filled_in_by_the_browser(page):
    page.select_option("[data-filter=model]", "flow")
    page.evaluate("location.href = 'page.css'")
    page.wait_for_url("**/page.css")
    page.go_back()
    page.wait_for_selector("body[data-ready]")
    assert page.locator("[data-filter=model]").input_value() == ""
    assert len(names(page)) == 8


def test_heads_stay_above_a_long_table(page):
    page.set_viewport_size({"width": 1280, "height": 420})
    pane = page.locator(".tall")
    pane.evaluate("e => e.scrollTo(0, 80)")
    assert pane.evaluate("e => e.scrollTop") > 0
    top = page.locator("#table thead th").nth(2).bounding_box()["y"]
    assert math.isclose(top, pane.bounding_box()["y"], abs_tol=2)
