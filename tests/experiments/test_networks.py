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


def test_the_evaluations_to_a_loss_are_counted_from_one(networks):
    assert networks.reached([9.0, 4.0, 4.0, 2.0], 4.0) == 2
    assert networks.reached([9.0, 4.0], 1.0) is None


def test_the_page_has_every_figure(networks):
    given = argparse.Namespace(clip="bikes", size=192, steps=10, frames=5)
    seconds = {"training": 90.0, "network": 5.0, "robust": 50.0}
    figures = dict.fromkeys(networks.FIGURES, 2.0)
    halved = dict.fromkeys(networks.FIGURES, 1.0)
    curves = {"from content": [float(90 - n) for n in range(60)], "from network": [60.0] * 60}
    page = networks.page(given, seconds, {"robust": figures, "network": halved}, curves)
    assert "| network / robust | 0.500 | 0.500 | 0.500 | 0.100 |" in page
    assert "less time than robust from 10.0 frames on" in page
    assert "the loss of 20 evaluations from the content after 1 from the network" in page
    assert "the loss of 40 evaluations from the content after more than 60 from the network" in page
