"""What is seen of the page, and when."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

STAGE = "#stage .panel:has(.swatch)"


def colours(locator, *places: float) -> list[tuple[int, ...]]:
    """The colours seen in an element, at these parts of its width, in the middle of its height."""
    image = Image.open(io.BytesIO(locator.screenshot())).convert("RGB")
    return [image.getpixel((int(place * image.width), image.height // 2)) for place in places]


def seen(page, locator, levels: list[int]) -> bool:
    """Whether a video at rest comes to show these grey levels.

    Without a GPU, Chromium now and then leaves a frame on the screen that it has passed; a step there and back is
    what a person would try, too.
    """
    for turn in range(50):
        if np.allclose(colours(locator, 0.25, 0.75), np.array(levels)[:, None], atol=6):
            return True
        page.wait_for_timeout(100)
        if turn % 5 == 4:
            time = locator.evaluate("e => e.currentTime")
            for key in ("ArrowLeft", "ArrowRight"):
                page.keyboard.press(key)
                until(
                    page,
                    every(
                        "#stage video", f"!e.seeking && {'!' * (key == 'ArrowLeft')}(e.currentTime == {time})"
                    ),
                )
    return False


def until(page, condition: str) -> None:
    """Wait for a condition. As a function: the page's own policy forbids that a string is evaluated in it."""
    page.wait_for_function(f"() => {condition}")


def every(selector: str, condition: str) -> str:
    """That a condition on `e` holds for all elements, and that there are any."""
    return f"(all => all.length > 0 && all.every(e => {condition}))([...document.querySelectorAll('{selector}')])"


def wait_for_frame(page, frame: int, where: str = "#stage") -> None:
    until(page, every(f"{where} canvas", f"e.dataset.frame == {frame}"))


def panels(page) -> dict[str, object]:
    return {panel.locator(".name").inner_text(): panel for panel in page.locator(STAGE).all()}


def names(page) -> list[str]:
    return [
        row.locator("th").inner_text() for row in page.locator("#table tbody tr").all() if row.is_visible()
    ]
