"""The page in a real Chromium: opened from disk, nothing in the console, nothing on the network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.compare.report.looking import STAGE, colours, every, names, panels, seen, until, wait_for_frame
from vst.compare.report import write_report

LEVELS = {"naive": 40, "mse": 120, "flow": 200}
"""The grey level that stands for a run, on the left of its frames; on the right is 40 times the frame."""


@pytest.fixture(scope="module")
def report(write_run, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    for number, (model, level) in enumerate(LEVELS.items()):
        write_run(folder / f"{number}-{model}", model, level=level)
    return write_report([folder])


@pytest.fixture
def page(report, open_page):
    return open_page(report)


def test_every_panel_shows_exactly_the_frame_that_is_asked_for(page):
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    wait_for_frame(page, 2)
    assert list(panels(page)) == ["naive", "mse", "flow"]
    for name, panel in panels(page).items():
        left, right = colours(panel.locator("canvas"), 0.25, 0.75)
        assert left == (LEVELS[name],) * 3  # lossless
        assert right == (80,) * 3
        assert "frame 2" in panel.locator(".readout").inner_text()
    assert "frame 2 of 0–4" in page.locator("#position").inner_text()


def test_ways_to_a_frame(page):
    ways = (
        (lambda: page.keyboard.press("ArrowLeft"), 0),
        (lambda: page.click("#forward"), 1),
        (lambda: page.keyboard.press("End"), 4),
        (lambda: page.keyboard.press("Home"), 0),
        (lambda: page.keyboard.press("End"), 4),
        (lambda: page.click("#back"), 3),
        (lambda: page.click("#first"), 0),
        (lambda: page.locator("#scrub").fill("3"), 3),
        (lambda: [page.locator("#scrub").focus(), page.keyboard.press("ArrowRight")], 4),
    )
    for act, frame in ways:
        act()
        wait_for_frame(page, frame)


def test_panels_stay_in_step_while_they_play(page):
    page.keyboard.press("Space")
    seen = page.evaluate(
        """async () => {
            const seen = [];
            while (new Set(seen.flat()).size < 5) {
                await new Promise(requestAnimationFrame);
                const frames = [...document.querySelectorAll("#stage canvas")].map((c) => c.dataset.frame);
                seen.push([...new Set(frames)]);
            }
            return seen;
        }"""
    )
    assert all(len(frames) == 1 for frames in seen)
    assert page.locator("#toggle").get_attribute("aria-label") == "Pause"
    page.keyboard.press("Space")
    assert page.locator("#toggle").get_attribute("aria-label") == "Play"
    frame = page.evaluate("vst.player.frame")
    page.wait_for_timeout(200)
    assert page.evaluate("vst.player.frame") == frame


def test_speed_is_that_of_the_clip_times_the_factor(page):
    changes = """async (speed) => {
        const { player } = vst, refresh = window.requestAnimationFrame, times = [];
        const select = document.getElementById("speed");
        select.value = speed;
        select.dispatchEvent(new Event("change"));
        document.getElementById("loop").checked = false;
        await player.go(0);
        window.requestAnimationFrame = () => 0; // the clock is this test's
        player.play();
        for (let now = 0; player.playing; now += 10) {
            const next = Math.min(player.frame + 1, player.length - 1);
            await Promise.all([...vst.screens].map((screen) => screen.prepare(next, player.view)));
            const before = player.frame;
            player.tick(now);
            if (player.frame !== before || !player.playing) times.push(now);
        }
        window.requestAnimationFrame = refresh;
        return times;
    }"""
    # five frames of 40 ms: four changes, and the end, each at the turn when it is due or the next
    assert page.evaluate(changes, "1") == pytest.approx([40, 80, 120, 160, 200], abs=11)
    assert page.evaluate(changes, "0.25") == pytest.approx([160, 320, 480, 640, 800], abs=11)


def test_residuals_of_all_on_one_scale(page):
    page.keyboard.press("End")
    wait_for_frame(page, 4)
    page.keyboard.press("r")
    until(page, every("#stage canvas", "e.dataset.view == 'residual'"))

    def magma(change: float, scale: float) -> np.ndarray:
        level = np.array([[round(255 * min(1, change / scale))]], np.uint8)
        return cv2.applyColorMap(level, cv2.COLORMAP_MAGMA)[0, 0, ::-1]

    for scale in (0.25, 0.5):
        page.select_option("#scale", str(scale))
        for panel in panels(page).values():
            still, moving = colours(panel.locator("canvas"), 0.25, 0.75)
            np.testing.assert_allclose(still, magma(0, scale), atol=4)
            np.testing.assert_allclose(moving, magma(40 / 255, scale), atol=6)
    page.evaluate("document.getElementById('keyframes').scrollIntoView()")
    until(page, "document.querySelector('#keyframes canvas').dataset.view == 'residual'")
    page.keyboard.press("r")
    until(page, "document.querySelector('#keyframes canvas').dataset.view == 'painted'")


def test_video_files_play_and_step(page):
    page.keyboard.press("v")
    until(page, every("#stage video", "e.readyState >= 2 && e.videoWidth > 0"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    until(page, every("#stage video", "!e.seeking && Math.abs(e.currentTime - 0.14) < 0.005"))
    for name, panel in panels(page).items():
        assert seen(page, panel.locator("video"), [LEVELS[name], 120])
    page.keyboard.press("Home")
    page.select_option("#speed", "0.5")
    page.click("#toggle")
    until(page, every("#stage video", "!e.paused && e.currentTime > 0.03"))
    page.click("#toggle")
    assert page.evaluate(every("#stage video", "e.paused"))
    page.click("#toggle")
    page.evaluate(
        "window.turns = 0; document.addEventListener('vst:frame', e => { turns += e.detail === 0; })"
    )
    until(page, "turns >= 2")  # around and around
    until(page, every("#stage video", "!e.paused && !e.ended"))
    page.click("#toggle")
    page.keyboard.press("p")
    assert page.locator("#stage video").count() == 0


def test_wipe_between_any_two(page):
    wiper = page.locator("#wiper")
    wiper.scroll_into_view_if_needed()
    page.select_option("#left", "run:0")
    page.select_option("#right", "run:1")
    wait_for_frame(page, 0, "#wiper")
    page.locator("#divider").fill("25")
    assert colours(wiper, 0.15, 0.4) == [(LEVELS["naive"],) * 3, (LEVELS["mse"],) * 3]
    page.locator("#divider").focus()
    page.keyboard.press("Home")
    assert colours(wiper, 0.15) == [(LEVELS["mse"],) * 3]
    page.click("#swap")
    wait_for_frame(page, 0, "#wiper")
    assert colours(wiper, 0.15) == [(LEVELS["naive"],) * 3]
    box = wiper.bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + box["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.3)
    page.mouse.up()
    assert float(page.locator("#divider").input_value()) == pytest.approx(40, abs=1)
    page.select_option("#left", "content:0")
    wait_for_frame(page, 0, "#wiper")


def test_table_is_sorted(page):
    page.click("[data-sort='metric:warping_error']")
    assert names(page) == ["flow", "mse", "naive"]
    assert page.locator("th[aria-sort=ascending]").count() == 1
    page.click("[data-sort='metric:warping_error']")
    assert names(page) == ["naive", "mse", "flow"]
    page.locator("[data-sort=label]").focus()
    page.keyboard.press("Enter")
    assert names(page) == ["flow", "mse", "naive"]
    assert list(panels(page)) == ["flow", "mse", "naive"]


def test_filters_reach_panels_figures_and_key_frames(page):
    page.fill("#filter", "1e4")
    assert names(page) == ["mse"]
    assert list(panels(page)) == ["mse"]
    until(page, "document.querySelector('[data-figure=metrics]').data.length == 1")
    page.fill("#filter", "")
    page.select_option("[data-filter=model]", "flow")
    assert names(page) == ["flow"]
    assert page.locator("#keyframes tr[data-row]:visible").count() == 1
    page.select_option("[data-filter=model]", "")
    page.click("tr[data-run='1'] .pick")
    assert list(panels(page)) == ["naive", "flow"]
    page.click("#all")
    assert list(panels(page)) == ["naive", "mse", "flow"]


def test_best_values_and_differences(page):
    best = {
        cell.get_attribute("data-metric"): cell.locator("xpath=..").get_attribute("data-run")
        for cell in page.locator("#table .best").all()
    }
    assert best == {
        "warping_error": "2",
        "residual_mse": "2",
        "residual_correlation": "2",
        "flicker": "2",
        "style": "0",
    }
    page.select_option("#baseline", "0")
    delta = page.locator("tr[data-run='1'] [data-metric=style] .delta")
    assert delta.inner_text() == "+30.0 % ▼"
    assert "worse" in delta.get_attribute("class")
    assert page.locator("tr[data-run='2'] [data-metric=warping_error] .delta.better").count() == 1
    page.select_option("#difference", "absolute")
    assert delta.inner_text() == "+30.0 ▼"  # × 10⁻⁶, as the column
    assert page.locator("tr[data-run='0'] .delta").count() == 0
    page.select_option("#baseline", "")
    assert page.locator(".delta").count() == 0


def test_figures(page):
    figure = "document.querySelector('[data-figure={}]').{}"

    def of(name: str, what: str):
        return page.evaluate(figure.format(name, what))

    assert of("metrics", "data.length") == 3
    assert of("metrics", "layout.shapes.map(s => s.x0)") == [2.5]  # the cut lies before frame 3
    page.select_option("[data-series=metrics]", "flicker")
    until(page, figure.format("metrics", "layout.yaxis.title.text.startsWith('flicker')"))
    page.check("[data-log=metrics]")
    until(page, figure.format("metrics", "layout.yaxis.type == 'log'"))
    assert of("curves", "data.map(t => t.y[0])") == [1, 1, 1]
    page.keyboard.press("End")
    until(page, figure.format("curves", "data.every(t => t.y[0] == 5)"))
    page.select_option("#stretch", "clip")
    until(page, figure.format("curves", "data[0].x.length == 20"))
    # naive paints best and flow is the steadiest: both are on the front, and mse behind flow is not
    assert of("tradeoff", "data.filter(t => t.meta.front).map(t => t.meta.front)") == [[2, 0]]
    assert of("parallel", "data.length") == 3


def test_clicking_a_figure_goes_to_the_frame(page):
    page.locator("[data-figure=losses]").scroll_into_view_if_needed()
    point = page.locator("[data-figure=losses] .scatterlayer .trace").first.locator(".points path").nth(2)
    box = point.bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(page, "vst.player.frame == 2")


def test_a_stretch_of_an_axis_singles_runs_out(page):
    figure = page.locator("[data-figure=parallel]")
    figure.scroll_into_view_if_needed()
    page.evaluate("window.scrollBy({top: 300, behavior: 'instant'})")
    places = page.evaluate(
        """() => {
            const { xaxis, yaxis } = document.querySelector("[data-figure=parallel]")._fullLayout;
            return [xaxis._offset + xaxis.l2p(1), yaxis._offset + yaxis.l2p(1)];
        }"""
    )
    box = figure.bounding_box()
    x, y = box["x"] + places[0], box["y"] + places[1]
    page.mouse.move(x - 20, y - 8)
    page.mouse.down()
    page.mouse.move(x + 10, y + 10, steps=4)
    page.mouse.move(x + 20, y + 12, steps=4)
    page.mouse.up()
    until(
        page,
        "document.querySelector('[data-figure=parallel]').data.map(t => t.opacity ?? 1).join() == '0.1,0.1,1'",
    )
    page.fill("#filter", "mse")  # none of those singled out is left: the others are not faint for their sake
    until(
        page, "document.querySelector('[data-figure=parallel]').data.map(t => t.opacity ?? 1).join() == '1'"
    )


def test_key_frames_take_everything_there(page):
    page.locator("#keyframes button[data-frame='3']").first.click()
    until(page, "vst.player.frame == 3")


def test_light_and_dark(report, open_page):
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = open_page(report, color_scheme="dark")
    light = open_page(report, color_scheme="light")
    assert dark.evaluate(ground) != light.evaluate(ground)
    dark.keyboard.press("t")
    assert dark.locator("#theme").inner_text() == "Theme: light"
    assert dark.evaluate(ground) == light.evaluate(ground)
    ink = "document.querySelector('[data-figure=metrics]').layout.font.color"
    until(dark, f"{ink} == '{light.evaluate(ink)}'")


def test_a_narrow_window_has_nothing_outside_it(report, open_page):
    page = open_page(report, viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator("#toggle").is_visible()


@pytest.fixture(scope="module")
def odd(write_run, tmp_path_factory) -> Path:
    """Runs with hostile names, other clips and paintings, one that is going, and one without its frames."""
    folder = tmp_path_factory.mktemp("odd <b>&")
    hostile = "<img src=x onerror=alert(1)>%{y}"
    write_run(folder / hostile, hostile, level=40)
    write_run(folder / "video only", "mse", level=120, pictures=False)
    write_run(folder / "going", "flow", level=200, frames=2, status=None, video=False, style="ink")
    write_run(folder / "other", "flow", level=200, style="<i>ink</i>", clip="<script>alert(2)</script>")
    write_run(folder / "unpainted", "naive", frames=1, pictures=False, video=False, cut=None)
    return write_report([folder])


def test_names_are_shown_as_text(odd, open_page):
    page = open_page(odd)
    hostile = "<img src=x onerror=alert(1)>%{y}"
    assert any(name.startswith(hostile) for name in names(page))
    assert page.locator("img").count() == 0
    shown = page.locator("[data-figure=losses] .legendtext").all_inner_texts()
    texts = page.locator("[data-figure=losses] .legendtext").evaluate_all(
        "all => all.map(t => t.textContent)"
    )
    assert shown is not None
    assert any(text.startswith(hostile) for text in texts)
    assert page.locator("#grid caption").first.inner_text() == hostile


def test_frames_come_from_the_video_where_they_are_missing(odd, open_page):
    page = open_page(odd)
    page.keyboard.press("End")
    panel = next(panel for name, panel in panels(page).items() if name.startswith("mse"))
    panel.scroll_into_view_if_needed()
    panel.locator("canvas[data-frame='4']").wait_for()
    left, right = colours(panel.locator("canvas"), 0.25, 0.75)
    np.testing.assert_allclose(left, 120, atol=6)
    np.testing.assert_allclose(right, 160, atol=6)
    page.keyboard.press("r")
    panel.locator("canvas[data-view=residual]").wait_for()


def test_what_is_short_holds_its_last_frame(odd, open_page):
    page = open_page(odd)
    page.keyboard.press("End")
    panel = page.locator(STAGE, has=page.locator(".status.stopped")).first
    panel.scroll_into_view_if_needed()
    panel.locator("canvas[data-frame='1']").wait_for()
    assert "ended at frame 1" in panel.locator(".readout").inner_text()


def test_grid_of_paintings_and_clips(odd, open_page):
    page = open_page(odd)
    page.locator("#grid").scroll_into_view_if_needed()
    page.locator("#grid canvas[data-frame='0']").first.wait_for()
    page.keyboard.press("End")
    page.locator("#grid canvas[data-frame='4']").first.wait_for()
    assert page.locator("#grid thead th").all_inner_texts()[:2] == ["talk", "<script>alert(2)</script>"]


def test_curves_are_those_of_the_frame_shown_after_a_look_at_the_whole_clip(page):
    first = "document.querySelector('[data-figure=curves]').data[0].y[0]"
    page.select_option("#stretch", "clip")
    page.keyboard.press("End")
    page.select_option("#stretch", "frame")
    until(page, f"{first} == 5")
    page.locator("h1").click()
    page.keyboard.press("Home")
    until(page, f"{first} == 1")


def test_a_long_clip_has_no_mark_for_every_frame(write_run, tmp_path, open_page):
    page = open_page(write_report([write_run(tmp_path / "run", frames=40, video=False, pictures=False)]))
    marks = "document.querySelector('[data-figure={}]').layout.xaxis.dtick"
    page.select_option("#stretch", "clip")
    until(page, "document.querySelector('[data-figure=curves]').data[0].x.length == 160")
    assert page.evaluate(marks.format("curves")) is None
    assert page.evaluate(marks.format("losses")) is None


def test_keys_go_on_after_a_click_on_a_control(page):
    page.locator(".views label", has_text="residual").click()
    page.keyboard.press("ArrowRight")
    wait_for_frame(page, 1)
    assert page.evaluate("vst.player.view") == "residual"
    box = page.locator("#scrub").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    wait_for_frame(page, 2)
    page.keyboard.press("Space")
    assert page.evaluate("vst.player.playing")
    page.keyboard.press("p")
    assert page.evaluate("vst.player.view") == "painted"


def test_the_keyboard_alone_chooses_what_the_panels_show(page):
    page.locator("input[name=view]:checked").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("[vst.player.view, vst.player.frame]") == ["residual", 0]
    page.keyboard.press("p")
    assert page.evaluate("vst.player.view") == "painted"


def test_the_first_frame_has_no_residual_and_says_so(page):
    page.keyboard.press("r")
    wait_for_frame(page, 0)
    readouts = page.locator("#stage .readout")
    assert set(readouts.all_inner_texts()) == {"frame 0 · first frame, no residual"}
    page.keyboard.press("ArrowRight")
    wait_for_frame(page, 1)
    assert not any("no change" in text for text in readouts.all_inner_texts())


def test_the_front_is_that_of_the_runs_shown(page):
    fronts = "document.querySelector('[data-figure=tradeoff]').data.filter(t => t.meta.front).map(t => t.meta.front)"
    assert page.evaluate(fronts) == [[2, 0]]
    page.fill("#filter", "mse")  # which is behind flow
    until(page, f"{fronts}.join() == '1'")


def test_a_narrow_figure_has_its_whole_title(report, open_page):
    page = open_page(report, viewport={"width": 420, "height": 800})
    figure = page.locator("[data-figure=metrics]")
    figure.scroll_into_view_if_needed()
    title, box = figure.locator(".ytitle").bounding_box(), figure.bounding_box()
    assert box["y"] <= title["y"]
    assert title["y"] + title["height"] <= box["y"] + box["height"]


def test_one_run_has_nothing_to_be_filtered_or_compared_with(write_run, tmp_path, open_page):
    page = open_page(write_report([write_run(tmp_path / "run")]))
    assert page.locator("#filters select:visible, #filters [type=search]:visible").count() == 0
    assert len(panels(page)) == 1
