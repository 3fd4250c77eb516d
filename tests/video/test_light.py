from __future__ import annotations

import numpy as np
import pytest

from vst.video.light import BT2020, DISPLAY_P3, HLG, PQ, for_a_screen

BT709, SDR = 1, 1


def grey(level: float) -> np.ndarray:
    return np.full((1, 1, 3), level, np.float32)


def shown(image: np.ndarray, transfer: int, primaries: int) -> np.ndarray:
    return for_a_screen(image, transfer, primaries)[0, 0]


def test_what_is_made_for_a_screen_is_unchanged() -> None:
    image = np.random.default_rng(0).random((4, 5, 3), np.float32)
    assert for_a_screen(image, SDR, BT709) is image
    assert for_a_screen(image, 2, 2) is image


# Signal levels of BT.2408, table 1: a grey card of 18 % is 26 cd/m², a white page 203 cd/m².
@pytest.mark.parametrize(("transfer", "card", "page"), [(HLG, 0.38, 0.75), (PQ, 0.38, 0.58)])
def test_a_grey_card_and_a_white_page_look_as_they_do_on_a_screen(
    transfer: int, card: float, page: float
) -> None:
    # 26 / 203 of white is 0.395 in sRGB; white itself leaves some room for highlights
    assert shown(grey(card), transfer, BT2020) == pytest.approx(0.395, abs=0.02)
    assert 0.93 < shown(grey(page), transfer, BT2020)[0] < 0.98
    assert shown(grey(0), transfer, BT2020) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("transfer", [HLG, PQ])
def test_brighter_stays_brighter_up_to_the_peak(transfer: int) -> None:
    ramp = np.linspace(0, 1, 200, dtype=np.float32)[None, :, None].repeat(3, axis=2)
    levels = for_a_screen(ramp, transfer, BT2020)[0]
    assert (np.diff(levels, axis=0) > -1e-6).all()
    assert levels.max() <= 1
    assert np.ptp(levels, axis=1).max() < 1e-3  # grey stays grey
    assert np.isfinite(levels).all()


# The red of BT.709 in linear light of the wider primaries: the first column of the inverse matrix.
@pytest.mark.parametrize(
    ("primaries", "red"), [(BT2020, (0.6274, 0.0691, 0.0164)), (DISPLAY_P3, (0.8225, 0.0332, 0.0171))]
)
def test_wide_colours_are_those_of_a_screen(primaries: int, red: tuple[float, float, float]) -> None:
    coded = (np.array(red) ** (1 / 2.4)).astype(np.float32)[None, None]
    assert shown(coded, SDR, primaries) == pytest.approx((1, 0, 0), abs=0.06)
    assert shown(grey(0.5), SDR, primaries) == pytest.approx(0.5, abs=1e-3)
