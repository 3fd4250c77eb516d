"""The metrics of a run, for the output of any system.

    python -m vst.evaluate content=clip.mp4 stylized=painted.mp4 [stylized=other.mp4 …]

Torch and all that needs it is imported late, so that a file that cannot be used is answered at once.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vst.errors import ClipBroke, InputError, failures_answered
from vst.records import write_json
from vst.video.reader import VideoReader

if TYPE_CHECKING:
    from torch import Tensor

    from vst.features.vgg import VGG19
    from vst.metrics.motion import Truth
    from vst.synthetic.scene import Scene

USAGE = """\
python -m vst.evaluate content=… stylized=… [stylized=… …] [option=…] [-o FILE]

  content=CLIP    the source: a video, a folder of frames, or a built-in scene (talk, anime, battle)
  stylized=CLIP   what was painted of it: a video or a folder of frames; several stand side by side
  style=PICTURE   the painting: adds the paper's content and style losses, through VGG-19
  flow=NAME       how motion is estimated: deepflow, dis, farneback or raft, and not as the painter did it;
                  without it, deepflow, and for a built-in scene its exact motion
  size=PIXELS     scale the content's longer side to it; without it, the content keeps its size
  start=N         the first frame of the content that was painted, from 0
  frames=N        how many were painted; without it, all from start on
  cuts=[N,N,…]    the frames of the content with which a new shot begins, counted as start is, [] for none;
                  without it they are found, and for a built-in scene known
  -o FILE         write all figures, frame by frame too, as JSON
"""

SCENES = ("talk", "anime", "battle")
FLOWS = ("deepflow", "dis", "farneback", "raft")
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm"})

INTERVAL = 10
"""Frames between the two of the long warping error."""

STYLE_SIZE = 256
"""Longer side, in pixels, at which the painting is looked at: the one at which a run does by default."""

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT_LAYER = "conv4_2"

Picture = NDArray[np.float32]
Sizes = tuple[int, int]


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    content: str
    stylized: tuple[str, ...]
    style: str | None = None
    flow: str | None = None
    size: int | None = None
    start: int = 0
    frames: int | None = None
    cuts: tuple[int, ...] | None = None
    output: Path | None = None


class Source(Protocol):
    """Frames in order: how many there are, and of which (height, width)."""

    count: int
    sizes: Sizes

    def pictures(self) -> Iterator[Picture]:
        """Yield them one by one, (H, W, 3), RGB in [0, 1]."""
        ...


def main() -> None:
    """Evaluate what the command line names, and exit: 0 done, 1 failed on the way, 2 wrong input."""
    arguments = sys.argv[1:]
    if not arguments or set(arguments) & {"-h", "--help"}:
        print(USAGE, end="")
        return
    with failures_answered():
        request = parse(arguments)
        figures = evaluate(request)
        if request.output:
            write_json(request.output, figures)
        print(table(figures))


def parse(arguments: Sequence[str]) -> Request:
    """Read `key=value` arguments and `-o FILE`; raises `InputError` for what is unknown, missing or wrong."""
    given: dict[str, list[str]] = {}
    rest = iter(arguments)
    for argument in rest:
        key, equals, value = argument.partition("=")
        if argument == "-o":
            key, value = "-o", next(rest, "")
        elif not equals or key not in Request.__dataclass_fields__ or key == "output":
            raise InputError(f"{argument} is not understood; see python -m vst.evaluate --help")
        if not value:
            raise InputError(f"{key} is given without a value; add one")
        given.setdefault(key, []).append(value)
    for key in ("content", "stylized"):
        if key not in given:
            raise InputError(f"{key} is not given; add {key}=… to the command line")
    for key, values in given.items():
        if len(values) > 1 and key != "stylized":
            raise InputError(f"{key} is given {len(values)} times; give it once")
    single = {key: values[0] for key, values in given.items()}
    if single.get("flow", FLOWS[0]) not in FLOWS:
        raise InputError(f"flow={single['flow']} is not known; choose one of: {', '.join(FLOWS)}")
    output = Path(single["-o"]) if "-o" in single else None
    if output and output.is_dir():
        raise InputError(f"-o {output} is a folder; name a file")
    return Request(
        content=single["content"],
        stylized=tuple(given["stylized"]),
        style=single.get("style"),
        flow=single.get("flow"),
        size=_whole("size", single["size"], least=1) if "size" in single else None,
        start=_whole("start", single.get("start", "0"), least=0),
        frames=_whole("frames", single["frames"], least=1) if "frames" in single else None,
        cuts=_numbers("cuts", single["cuts"]) if "cuts" in single else None,
        output=output,
    )


def evaluate(request: Request) -> dict[str, Any]:
    """All figures of all painted clips: what was compared, and a summary and the rows of each.

    Raises `InputError` where clips cannot be read or do not fit each other.
    """
    scene = None
    if request.content in SCENES:
        painted = [_open(name) for name in request.stylized]
        scene = _scene(request, painted[0])
        content: Source = _SceneFrames(scene, request.start)
    else:
        content = _stretch(request)
        painted = [_open(name) for name in request.stylized]
    for name, source in zip(request.stylized, painted, strict=True):
        if source.count != content.count:
            raise InputError(
                f"{name} has {source.count} frames and the content {content.count}; "
                f"choose the stretch that was painted with start and frames"
            )
    if content.count < 2 and request.style is None:
        raise InputError("one frame alone has no motion to be measured; give more with frames, or a style")
    known = scene.cuts if scene is not None and request.cuts is None else request.cuts
    _check_cuts(request, content.count)
    losses = _open_losses(request, content.sizes)
    truth = _truth(request, scene)
    rows, summaries, cuts = _measure(content, painted, truth, request.start, known, losses)
    return {
        "content": request.content,
        "frames": content.count,
        "size": [content.sizes[1], content.sizes[0]],
        "start": request.start,
        "cuts": cuts,
        "motion": truth.name,
        "interval": INTERVAL,
        "style": request.style,
        "systems": [
            {"stylized": name, "note": _note(source.sizes, content.sizes), "summary": summary, "frames": lane}
            for name, source, summary, lane in zip(request.stylized, painted, summaries, rows, strict=True)
        ],
    }


def table(figures: dict[str, Any]) -> str:
    """The summaries side by side, a metric a row, with what was compared above and remarks below."""
    systems = figures["systems"]
    width, height = figures["size"]
    cuts = f", cuts at {', '.join(map(str, figures['cuts']))}" if figures["cuts"] else ""
    first = figures["start"]
    lines = [
        f"{figures['content']}: frames {first} to {first + figures['frames'] - 1}, {width}x{height} "
        f"pixels{cuts}; motion: {figures['motion']}",
        "",
    ]
    names = _short([system["stylized"] for system in systems])
    widths = [max(12, len(name)) for name in names]
    metrics = list(systems[0]["summary"])
    left = max(map(len, metrics))
    lines.append("  ".join([" " * left, *(f"{name:>{w}}" for name, w in zip(names, widths, strict=True))]))
    for metric in metrics:
        cells = [_cell(system["summary"][metric]) for system in systems]
        lines.append(
            "  ".join([f"{metric:{left}}", *(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))])
        )
    notes = [f"{system['stylized']}: {system['note']}" for system in systems if system["note"]]
    return "\n".join([*lines, *([""] if notes else []), *notes])


class PictureFolder:
    """The pictures in a folder as a clip, in the order of their names, numbers in them taken as numbers.

    All have the size of the first. Raises `InputError` where there are none, or one cannot be used.
    """

    def __init__(self, folder: Path):
        files = [file for file in folder.iterdir() if file.suffix.lower() in PICTURES]
        if not files:
            raise InputError(f"the folder {folder} holds no pictures; name a video or a folder of frames")
        self._files = sorted(files, key=_natural)
        self.count = len(files)
        self.sizes: Sizes = self._load(self._files[0]).shape[:2]

    def pictures(self) -> Iterator[Picture]:
        """Yield them one by one."""
        for file in self._files:
            picture = self._load(file)
            if picture.shape[:2] != self.sizes:
                raise InputError(
                    f"{file} is {picture.shape[1]}x{picture.shape[0]} pixels and the first of its folder "
                    f"{self.sizes[1]}x{self.sizes[0]}; give frames of one size"
                )
            yield picture

    @staticmethod
    def _load(file: Path) -> Picture:
        try:
            with Image.open(file) as image:
                picture = np.array(image.convert("RGB"), dtype=np.float32)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise InputError(f"{file} cannot be read as a picture; replace it") from error
        picture /= 255
        return picture


class _Video:
    """A video file as a clip."""

    def __init__(self, path: Path):
        self._reader = VideoReader(path)
        self.count = self._reader.info.frames
        self.sizes: Sizes = self._reader.info.height, self._reader.info.width

    def pictures(self) -> Iterator[Picture]:
        try:
            for frame in self._reader.read():
                yield frame.content[0].permute(1, 2, 0).numpy()
        except ClipBroke as error:
            # its own sentence speaks of what was painted
            raise InputError(
                f"{self._reader.path} breaks at frame {error.source_frame}; repair it or leave its end out"
            ) from error


class _SceneFrames:
    """A computed scene from a frame on."""

    def __init__(self, scene: Scene, start: int):
        self._scene, self._start = scene, start
        self.count = scene.info.frames - start
        self.sizes: Sizes = scene.info.height, scene.info.width

    def pictures(self) -> Iterator[Picture]:
        for frame in self._scene.read(self._start):
            yield frame.content[0].permute(1, 2, 0).numpy()


class _Stretch:
    """A stretch of a clip, scaled."""

    def __init__(self, source: Source, start: int, count: int, sizes: Sizes):
        self._source, self._start = source, start
        self.count, self.sizes = count, sizes

    def pictures(self) -> Iterator[Picture]:
        for number, picture in enumerate(self._source.pictures()):
            if number >= self._start + self.count:
                return
            if number >= self._start:
                yield fit(picture, self.sizes)


def fit(picture: Picture, sizes: Sizes) -> Picture:
    """Give a picture (H, W, 3) in [0, 1] the (height, width) wanted.

    Smaller by averaging over areas, larger by cubic interpolation. A picture that is one pixel larger on an
    odd side is cut: players want even sides, and writers repeat the edge for them.
    """
    height, width = sizes
    if picture.shape[:2] == sizes:
        return picture
    if _is_padded(picture.shape[:2], sizes):
        return picture[:height, :width]
    shrinks = height <= picture.shape[0] and width <= picture.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    resized = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=method)
    return np.clip(resized, 0, 1).astype(np.float32)


class PaperLosses:
    """The paper's content and style losses of finished paintings, as a run has them by default.

    `style` is the painting s, (1, 3, h, w) in [0, 1].
    """

    def __init__(self, backbone: VGG19, style: Tensor):
        self._backbone = backbone
        self._style = self._grams(backbone(style, STYLE_LAYERS))

    def __call__(self, content: Tensor, stylized: Tensor) -> dict[str, Tensor]:
        """L_content and L_style by name, (L,) each, of V[i] (1, 3, H, W), V'[i] (L, 3, H, W)."""
        from vst.losses.functional import content_loss, style_loss

        wanted = self._backbone(content, [CONTENT_LAYER])[CONTENT_LAYER]
        found = self._backbone(stylized, [*STYLE_LAYERS, CONTENT_LAYER])
        return {
            "content": content_loss(found[CONTENT_LAYER], wanted),
            "style": style_loss(self._grams(found), self._style),
        }

    @staticmethod
    def _grams(activations: dict[str, Tensor]) -> list[Tensor]:
        from vst.losses.functional import gram_matrix

        return [gram_matrix(activations[layer]) for layer in STYLE_LAYERS]


def _measure(
    content: Source,
    painted: Sequence[Source],
    truth: Truth,
    start: int,
    known_cuts: Sequence[int] | None,
    losses: PaperLosses | None,
) -> tuple[list[list[dict[str, Any]]], list[dict[str, float]], list[int]]:
    """Go through all clips at once: the rows of each painted one, the summary of each, and the cuts."""
    import torch
    from tqdm import tqdm

    from vst.frames import Frame
    from vst.metrics.clip import ClipMetrics
    from vst.video.scenes import CutDetector, mark_cuts

    metrics = ClipMetrics(truth, INTERVAL)
    rows: list[list[dict[str, Any]]] = [[] for _ in painted]
    cuts: list[int] = []
    numbered = enumerate(content.pictures(), start)
    frames = (Frame(_tensor([picture]), index - start, index, index) for index, picture in numbered)
    marked = mark_cuts(frames, CutDetector(), known_cuts)
    streams = zip(marked, *(source.pictures() for source in painted), strict=True)
    with torch.no_grad():
        for (frame, begins), *paintings in tqdm(streams, total=content.count, disable=None):
            stylized = _tensor([fit(picture, content.sizes) for picture in paintings])
            index = frame.source_index
            # the first frame of a stretch has nothing before it to be cut off from
            if cut := begins and frame.index > 0:
                cuts.append(index)
            values = metrics.update(frame.content, stylized, index, cut=cut)
            if losses is not None:
                values = {**values, **losses(frame.content, stylized)}
            for lane, own in enumerate(rows):
                own.append({"frame": index, **{name: float(value[lane]) for name, value in values.items()}})
    means = metrics.summary()
    summaries = [{name: float(values[lane]) for name, values in means.items()} for lane in range(len(rows))]
    if losses is not None:
        for own, summary in zip(rows, summaries, strict=True):
            for name in ("content", "style"):
                summary[name] = sum(row[name] for row in own) / len(own)
    return rows, summaries, cuts


def _tensor(pictures: Sequence[Picture]) -> Tensor:
    import torch

    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


def _open(name: str) -> Source:
    path = Path(name)
    if not path.exists():
        raise InputError(f"{name} does not exist; name a video or a folder of frames")
    return PictureFolder(path) if path.is_dir() else _Video(path)


def _stretch(request: Request) -> Source:
    """The content, the stretch and at the size that was asked for."""
    source = _open(request.content)
    count = source.count - request.start if request.frames is None else request.frames
    if count < 1 or request.start + count > source.count:
        raise InputError(
            f"{request.content} has {source.count} frames, and {max(count, 1)} from frame {request.start} on "
            f"lead beyond them; lower start or frames"
        )
    sizes = source.sizes
    if request.size is not None:
        scale = request.size / max(sizes)
        sizes = max(1, math.floor(sizes[0] * scale + 0.5)), max(1, math.floor(sizes[1] * scale + 0.5))
    return _Stretch(source, request.start, count, sizes)


def _scene(request: Request, painted: Source) -> Scene:
    """A built-in scene, drawn at the size that was painted, for as long as it was."""
    if request.size is not None:
        raise InputError(f"the scene {request.content} is drawn at the size of the painting; leave size out")
    count = painted.count if request.frames is None else request.frames
    from vst.synthetic.scenes import Anime, Battle, Talk

    scene = {"talk": Talk, "anime": Anime, "battle": Battle}[request.content]
    height, width = painted.sizes
    return scene(height=height, width=width, frames=request.start + count)


def _check_cuts(request: Request, count: int) -> None:
    """Refuse cuts that are not in the stretch, counted from its own first frame instead of the content's."""
    end = request.start + count
    for cut in request.cuts or ():
        if not request.start <= cut < end:
            raise InputError(
                f"cuts has {cut}, and frames {request.start} to {end - 1} of the content are compared; count the "
                f"cuts as start is, from the content's first frame"
            )


def _truth(request: Request, scene: Scene | None) -> Truth:
    from vst.metrics.motion import EstimatedMotion, ExactMotion, named_estimator

    if scene is not None and request.flow is None:
        return ExactMotion(scene)
    return EstimatedMotion(named_estimator(request.flow or "deepflow"))


def _open_losses(request: Request, sizes: Sizes) -> PaperLosses | None:
    if request.style is None:
        return None
    import torch

    from vst.features.layers import smallest_side
    from vst.features.vgg import VGG19
    from vst.features.weights import normalised
    from vst.styles import open_painting

    painting = open_painting(request.style, STYLE_SIZE)
    least = smallest_side(STYLE_LAYERS)
    if min(sizes) < least:
        raise InputError(
            f"the frames of {request.content} are {sizes[1]}x{sizes[0]} pixels, and VGG-19 needs {least} a "
            f"side; raise size, or leave style out"
        )
    with torch.no_grad():
        return PaperLosses(VGG19(normalised()), painting.image)


def _note(found: Sizes, wanted: Sizes) -> str | None:
    """What had to be done to a painted clip's frames before they could be compared."""
    if found == wanted:
        return None
    was = f"{found[1]}x{found[0]} pixels"
    if _is_padded(found, wanted):
        return f"{was}, cut to {wanted[1]}x{wanted[0]}: the rest repeats the edge"
    if abs(found[0] * wanted[1] - found[1] * wanted[0]) > max(found) * max(wanted) / 50:
        return f"{was}, and so of another shape: stretched to {wanted[1]}x{wanted[0]}"
    return f"{was}, resized to {wanted[1]}x{wanted[0]}; size={max(found)} would compare it as it is"


def _is_padded(found: Sequence[int], wanted: Sizes) -> bool:
    return all(side in (odd, odd + odd % 2) for side, odd in zip(found, wanted, strict=True))


def _natural(file: Path) -> list[tuple[int, str]]:
    """The name of a file as what to sort by: frame_2 before frame_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", file.name)]


def _numbers(key: str, text: str) -> tuple[int, ...]:
    """Whole numbers with commas, in brackets or not."""
    inner = text.removeprefix("[").removesuffix("]").strip()
    return tuple(_whole(key, number.strip(), least=0) for number in inner.split(",")) if inner else ()


def _whole(key: str, text: str, least: int) -> int:
    if not re.fullmatch(r"\d+", text) or int(text) < least:
        raise InputError(f"{key}={text} is not a whole number of {least} or more; correct it")
    return int(text)


def _short(paths: Sequence[str]) -> list[str]:
    """The last parts of paths, as many as it takes to tell them apart."""
    parts = [Path(path).parts for path in paths]
    for count in range(1, max(map(len, parts))):
        names = ["/".join(part[-count:]) for part in parts]
        if len(set(names)) == len(set(paths)):
            return names
    return list(paths)


def _cell(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"


if __name__ == "__main__":
    main()
