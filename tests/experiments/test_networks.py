from __future__ import annotations

import argparse

import pytest


@pytest.fixture
def networks(script):
    return script("networks")


def test_the_network_overtakes_where_its_training_is_paid_back(networks):
    frames = networks.overtakes(training=90.0, network=1.0, robust=10.0)
    assert frames == 10.0
    assert 90 + frames * 1 == frames * 10


def test_losses_are_found_by_evaluations_and_the_other_way_round(networks):
    curve = [(1.2, 9.0), (2.2, 4.0), (3.2, 4.0), (4.2, 2.0)]
    assert networks.reached(curve, 4.0) == 2.2
    assert networks.reached(curve, 1.0) is None
    assert networks.lowest_after(curve, 3) == 4.0
    assert networks.lowest_after(curve, 60) == 2.0
    assert networks.lowest_after([(5.0, 1.0)], 4) is None


def page(networks, network: dict[str, float]) -> str:
    given = argparse.Namespace(clip="bikes", size=192, steps=10, frames=5)
    seconds = {"training": 90.0, "anystyle": 2.0, "network": 5.0}
    summaries = {"anystyle": network, "network": network}
    for budget in networks.BUDGETS:
        seconds[networks.robust(budget)] = float(budget)
        summaries[networks.robust(budget)] = dict.fromkeys(networks.FIGURES, 80 / budget)
    content = [(float(n + 1), float(90 - n)) for n in range(11, 60)]
    curves = {"from content": content, "from network": [(float(n + 1), 60.0) for n in range(60)]}
    return networks.page(given, seconds, summaries, curves)


def test_the_page_has_every_figure(networks):
    found = page(networks, {"style": 4.0, "content": 8.0, "warping_error": 2.0})
    assert "| network / robust, 60 evaluations | 3.00 | 6.00 | 1.50 | 0.0833 |" in found
    # of 20 evaluations, which take 4 s a frame, and not of 10, whose style loss is 8
    assert "Robust, 20 evaluations, is the cheapest run" in found
    assert "less time from 30.0 frames on, with 0.500 times its\nwarping error" in found
    assert (
        "Against robust, 60 evaluations,\ntraining and painting take less time from 8.18 frames on" in found
    )
    assert "the loss of 20 evaluations from the content after 1 from the network" in found
    assert "| 10 | – | 60.0 |" in found
    assert "the loss of 40 evaluations from the content after more than 60 from the network" in found


def test_a_network_that_nothing_equals_is_said_to_be_one(networks):
    found = page(networks, {"style": 1.0, "content": 8.0, "warping_error": 2.0})
    assert "None of these runs of robust has both losses as low" in found


def test_what_a_smaller_scale_cost_is_counted_and_its_loss_is_not(networks, write_run, tmp_path):
    run = write_run(tmp_path / "run", "naive", frames=1)
    rows = [("64", 5), ("64", 1), ("128", 9), ("128", 12), ("128", 4)]
    lines = [f"0,0,{number},{size},{total}\n" for number, (size, total) in enumerate(rows, start=1)]
    (run / "curves.csv").write_text("".join(["frame,pass,evaluation,size,total\n", *lines]))
    assert networks.totals(run) == [(1.5, 9.0), (2.5, 9.0), (3.5, 4.0)]
