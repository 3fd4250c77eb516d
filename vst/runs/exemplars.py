"""The key frames that a run's settings ask for."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from PIL import Image
from torch import Tensor

from vst.errors import ClipBroke, InputError
from vst.frames import Clip, ClipInfo
from vst.painting.exemplars import Exemplars, GivenExemplars, OwnExemplars
from vst.pictures import PictureError, read_with_alpha
from vst.runs.settings import Settings
from vst.styles import image_of
from vst.video.loader import FrameLoader

MOST_STRETCH = 0.01
"""How much the proportions of a key frame's painting may differ from the frames'."""


def exemplars_of(settings: Settings, clip: Clip) -> Exemplars:
    """Build them; raises `InputError` for paintings that do not fit the clip, before anything is painted."""
    asked = settings["keyframes"]
    if not isinstance(asked, dict):
        return OwnExemplars(asked)
    info = clip.info
    numbers = sorted(map(int, asked))
    if outside := [number for number in numbers if not info.start <= number < info.start + info.frames]:
        raise InputError(
            f"keyframes has a painting of frame {outside[0]}, and the frames to paint are {info.start} to "
            f"{info.start + info.frames - 1}; correct keyframes, or video.start and video.frames"
        )
    paintings = {number: _painting(Path(asked[str(number)]), number, info) for number in numbers}
    shots: list[int] = []
    with suppress(ClipBroke):  # told once it is painted up to there
        for frame in FrameLoader(clip, 0, 0, None, {}, (), settings["cuts"]):
            if frame.cut or frame.index == 0:
                shots.append(frame.source_index)
    _check_shots(shots, numbers, info, settings["passes"])
    return GivenExemplars(paintings, shots)


def _painting(file: Path, number: int, info: ClipInfo) -> Tensor:
    """A painting at the size of the frames, (1, 3, H, W)."""
    name = f"the key frame {file}"
    try:
        picture, alpha = read_with_alpha(file, max(info.width, info.height))
    except FileNotFoundError as error:
        raise InputError(
            f"{name} does not exist; correct keyframes, which names it for frame {number}"
        ) from error
    except PictureError as error:
        raise InputError(f"{name} {error}") from error
    if alpha is not None and alpha.getextrema()[0] != 255:
        raise InputError(
            f"{name} is transparent in places, and every pixel of it is used; fill them, and save it again"
        )
    stretch = picture.width / picture.height * info.height / info.width
    if abs(stretch - 1) > MOST_STRETCH:
        raise InputError(
            f"{name} has {picture.width}x{picture.height} pixels, and the frames {info.width}x{info.height}; paint it "
            f"over frame {number}, with its proportions"
        )
    return image_of(picture.resize((info.width, info.height), Image.Resampling.LANCZOS))


def _check_shots(shots: list[int], numbers: list[int], info: ClipInfo, passes: int) -> None:
    """Refuse shots without a key frame, and frames that only a second pass reaches where there is none."""
    for first, after in zip(shots, [*shots[1:], info.start + info.frames], strict=True):
        here = [number for number in numbers if first <= number < after]
        if not here:
            raise InputError(
                f"the shot of frames {first} to {after - 1} has no key frame; add one to keyframes, such as frame "
                f"{first}, or paint the other shots alone with video.start and video.frames"
            )
        if here != [first] and passes == 1:
            raise InputError(
                f"the shot of frames {first} to {after - 1} has a key frame behind its first, and what lies before it "
                f"is painted in a second pass, backward; add passes=2"
            )
