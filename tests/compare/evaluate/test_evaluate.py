from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from vst.compare.evaluate.command import main
from vst.compare.evaluate.evaluate import evaluate
from vst.compare.evaluate.fitting import fit
from vst.compare.evaluate.losses import PaperLosses
from vst.compare.evaluate.request import Request, parse
from vst.compare.evaluate.sources import PictureFolder
from vst.compare.evaluate.table import table
from vst.errors import InputError
from vst.features.vgg import VGG19
from vst.losses.functional import content_loss, gram_matrix, style_loss
from vst.metrics.clip import METRICS, ClipMetrics
from vst.metrics.motion import ExactMotion
from vst.synthetic.scenes import Battle
from vst.video.codecs import h264
from vst.video.store import save_png, to_uint8
from vst.video.writer import write_video

HEIGHT, WIDTH = 72, 96


def save_frames(folder: Path, frames: Sequence[torch.Tensor]) -> str:
    folder.mkdir()
    for number, frame in enumerate(frames):
        save_png(folder / f"{number}.png", frame)
    return str(folder)


def noise(count: int, height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(1, 3, height, width, generator=generator) for _ in range(count)]


@pytest.fixture(scope="module")
def battle() -> Battle:
    return Battle(HEIGHT, WIDTH, 6)


@pytest.fixture(scope="module")
def clips(battle: Battle, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Write the scene's frames, passed through and as noise, as folders."""
    folder = tmp_path_factory.mktemp("clips")
    source = [battle.frame(i) for i in range(6)]
    return {
        "source": save_frames(folder / "source", source),
        "same": save_frames(folder / "same", source),
        "noise": save_frames(folder / "noise", noise(6)),
        "single": save_frames(folder / "single", noise(1)),
    }


def test_a_scene_is_evaluated_by_its_exact_motion(clips):
    figures = evaluate(Request(content="battle", stylized=(clips["same"], clips["noise"])))
    assert figures["motion"] == "exact"
    assert figures["cuts"] == [3]
    assert (figures["frames"], figures["size"]) == (6, [WIDTH, HEIGHT])
    same, other = (system["summary"] for system in figures["systems"])
    assert same["warping_error"] < 0.005 < 0.1 < other["warping_error"]
    assert same["residual_correlation"] > 0.99
    assert other["residual_correlation"] == pytest.approx(0, abs=0.05)
    assert same["ghosting"] == pytest.approx(0, abs=0.01)
    assert other["ghosting"] != other["ghosting"]  # no content in it, and so no ghost to be seen


def test_its_figures_are_those_of_the_metrics(battle, clips):
    figures = evaluate(Request(content="battle", stylized=(clips["noise"],)))
    metrics = ClipMetrics(ExactMotion(battle))
    for i, picture in enumerate(PictureFolder(Path(clips["noise"])).pictures()):
        stylized = torch.from_numpy(picture).permute(2, 0, 1)[None]
        expected = metrics.update(battle.frame(i), stylized, i, cut=i == 3)
        row = figures["systems"][0]["frames"][i]
        assert row["frame"] == i
        for name in METRICS:
            assert row[name] == pytest.approx(float(expected[name]), nan_ok=True)


def test_the_same_clip_from_a_file_is_close(clips):
    request = Request(
        content=clips["source"], stylized=(clips["same"], clips["noise"]), flow="dis", cuts=(3,)
    )
    figures = evaluate(request)
    assert (figures["motion"], figures["cuts"]) == ("dis", [3])
    same, other = (system["summary"] for system in figures["systems"])
    assert same["residual_mse"] == 0
    assert same["warping_error"] < other["warping_error"]


def test_cuts_of_a_file_are_found_unless_they_are_given(clips):
    found = evaluate(Request(content=clips["source"], stylized=(clips["same"],), flow="dis"))
    assert found["cuts"] == [3]
    none = evaluate(Request(content=clips["source"], stylized=(clips["same"],), flow="dis", cuts=()))
    assert none["cuts"] == []
    across = [
        system["frames"][3]["residual_mse"] for figures in (found, none) for system in figures["systems"]
    ]
    assert across[0] != across[0]
    assert across[1] == 0


def test_a_painting_of_another_shape_is_stretched_and_said_to_be(clips, tmp_path):
    tall = save_frames(tmp_path / "tall", noise(6, WIDTH, HEIGHT))
    system = evaluate(Request(content="battle", stylized=(clips["same"], tall)))["systems"][1]
    assert (
        system["note"] == f"{HEIGHT}x{WIDTH} pixels, with another aspect ratio: stretched to {WIDTH}x{HEIGHT}"
    )


def test_videos_and_a_stretch_of_the_content(battle, clips, tmp_path):
    painted = tmp_path / "painted.mp4"
    write_video(painted, ((to_uint8(battle.frame(i)), i - 2) for i in range(2, 6)), battle.info, h264(crf=1))
    request = Request(
        content=clips["source"], stylized=(str(painted),), flow="dis", start=2, frames=4, cuts=(3,)
    )
    figures = evaluate(request)
    rows = figures["systems"][0]["frames"]
    assert [row["frame"] for row in rows] == [2, 3, 4, 5]
    assert rows[1]["residual_mse"] != rows[1]["residual_mse"]  # across the cut
    assert rows[2]["residual_mse"] < 3e-3  # what the codec's coarser chroma leaves


def test_an_odd_side_that_a_writer_made_even_is_cut_back(tmp_path):
    content = noise(3, 31, 41)
    padded = [torch.nn.functional.pad(image, (0, 1, 0, 1), mode="replicate") for image in content]
    request = Request(
        content=save_frames(tmp_path / "content", content),
        stylized=(save_frames(tmp_path / "padded", padded),),
        flow="dis",
    )
    system = evaluate(request)["systems"][0]
    assert system["summary"]["residual_mse"] == 0
    assert "42x32 pixels, cropped to 41x31" in system["note"]


def test_other_sizes_are_resized_with_a_note(clips, tmp_path):
    small = save_frames(tmp_path / "small", noise(6, HEIGHT // 2, WIDTH // 2))
    figures = evaluate(Request(content=clips["source"], stylized=(small, clips["same"]), flow="dis"))
    assert "48x36 pixels, resized to 96x72" in figures["systems"][0]["note"]
    assert figures["systems"][1]["note"] is None
    assert "small: 48x36 pixels" in table(figures)
    scaled = evaluate(Request(content=clips["source"], stylized=(small,), flow="dis", size=WIDTH // 2))
    assert scaled["size"] == [48, 36]
    assert scaled["systems"][0]["note"] is None


def test_fit_averages_areas_and_keeps_the_range():
    picture = np.random.default_rng(0).random((6, 8, 3)).astype(np.float32)
    expected = picture.reshape(3, 2, 4, 2, 3).mean((1, 3))
    np.testing.assert_allclose(fit(picture, (3, 4)), expected, atol=1e-6)
    larger = fit(picture, (13, 17))
    assert larger.shape == (13, 17, 3)
    assert larger.min() >= 0
    assert larger.max() <= 1


def test_pictures_are_sorted_by_the_numbers_in_their_names(tmp_path):
    for number in (10, 9, 100, 1):
        Image.new("RGB", (4, 4), (number, 0, 0)).save(tmp_path / f"frame_{number}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    reds = [round(float(picture[0, 0, 0]) * 255) for picture in PictureFolder(tmp_path).pictures()]
    assert reds == [1, 9, 10, 100]


def test_hidden_files_are_no_pictures(tmp_path):
    folder = Path(save_frames(tmp_path / "frames", noise(2)))
    for name in ("._0.png", ".DS_Store.png"):
        (folder / name).write_bytes(b"Mac OS X")
    assert PictureFolder(folder).count == len(list(PictureFolder(folder).pictures())) == 2


def test_frames_keep_their_16_bit_levels_and_stand_upright(tmp_path):
    ramp = np.linspace(0, 65535, 12).astype(np.uint16)[None].repeat(8, axis=0)
    exif = Image.Exif()
    exif[0x0112] = 6  # the right side is the top
    Image.fromarray(ramp).save(tmp_path / "0.png", exif=exif)
    source = PictureFolder(tmp_path)
    assert source.sizes == (12, 8)
    (picture,) = source.pictures()
    np.testing.assert_allclose(picture[:, 3, 1], np.linspace(0, 1, 12), atol=0.003)


def test_losses_are_the_papers(random_backbone: VGG19):
    (content,), (style,), paintings = noise(1), noise(1, 48, 64, seed=1), torch.cat(noise(2, seed=2))
    layers = ["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"]
    with torch.no_grad():
        found = PaperLosses(random_backbone, style)(content, paintings)
        wanted, own = random_backbone(style, layers), random_backbone(paintings, [*layers, "conv4_2"])
        grams = [[gram_matrix(part[layer]) for layer in layers] for part in (own, wanted)]
        source = random_backbone(content, ["conv4_2"])["conv4_2"]
    torch.testing.assert_close(found["style"], style_loss(*grams))
    torch.testing.assert_close(found["content"], content_loss(own["conv4_2"], source))


def test_a_painting_given_adds_its_losses(clips, tmp_path, normalised):
    painting = tmp_path / "painting.png"
    save_png(painting, noise(1, HEIGHT, WIDTH, seed=1)[0])
    request = Request(content="battle", stylized=(clips["same"], clips["noise"]), style=str(painting))
    same, other = (system["summary"] for system in evaluate(request)["systems"])
    assert same["content"] < 0.1 * other["content"]  # nothing but 8 bits lies between
    assert other["style"] < same["style"]  # a painting of noise is painted best by noise


def test_the_table_and_the_json_have_all_systems(clips, tmp_path, monkeypatch, capsys):
    out = tmp_path / "figures" / "out.json"
    arguments = ["content=battle", f"stylized={clips['same']}", f"stylized={clips['noise']}", "-o", str(out)]
    monkeypatch.setattr(sys, "argv", ["evaluate", *arguments])
    main()
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[0] == "battle: frames 0 to 5, 96x72 pixels, cuts at 3; motion: exact"
    assert lines[2].split() == ["same", "noise"]
    named = {line.split()[0]: line.split()[1:] for line in lines[3:] if line}
    assert set(METRICS) | {"warping_error_root"} <= set(named)
    assert named["warping_error_long"] == ["–", "–"]  # shots of three frames
    written = json.loads(out.read_text())
    assert [system["stylized"] for system in written["systems"]] == [clips["same"], clips["noise"]]
    assert written["systems"][0]["frames"][0]["warping_error"] is None
    assert float(named["warping_error"][1]) == pytest.approx(
        written["systems"][1]["summary"]["warping_error"], rel=1e-3
    )


def test_arguments_are_read():
    given = (
        "content=a.mp4 stylized=b stylized=c=d flow=dis size=64 start=3 frames=7 cuts=30,76 style=s.jpg -o x"
    )
    assert parse(given.split()) == Request(
        "a.mp4", ("b", "c=d"), "s.jpg", "dis", 64, 3, 7, (30, 76), Path("x").resolve()
    )


@pytest.mark.parametrize(
    ("text", "cuts"), [("30,76", (30, 76)), ("[30, 76]", (30, 76)), ("[5]", (5,)), ("[]", ())]
)
def test_cuts_are_read_as_a_run_reads_them(text, cuts):
    assert parse(["content=a", "stylized=b", f"cuts={text}"]).cuts == cuts


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["stylized=b"], "content is not given; add content="),
        (["content=a"], "stylized is not given; add stylized="),
        (["content=a", "stylized=b", "colour=red"], "colour=red is not understood"),
        (["content=a", "stylized=b", "output=x"], "output=x is not understood"),
        (["content=a", "stylized=b", "fast"], "fast is not understood"),
        (["content=a", "stylized="], "stylized is given without a value"),
        (["content=a", "stylized=b", "-o"], "-o is given without a value"),
        (["content=a", "content=c", "stylized=b"], "content is given 2 times; give it once"),
        (
            ["content=a", "stylized=b", "flow=lucas"],
            "flow=lucas is not known; choose one of: consensus, deepflow",
        ),
        (["content=a", "stylized=b", "size=0"], "size=0 is not a whole number from 1 to 8192"),
        (["content=a", "stylized=b", "start=-1"], "start=-1 is not a whole number from 0 to"),
        (["content=a", "stylized=b", "size=99999999"], "size=99999999 is not a whole number from 1 to 8192"),
        (["content=a", "stylized=b", f"frames={'9' * 5000}"], "is not a whole number from 1 to"),
        (["content=a", "stylized=b", f"cuts=[{'9' * 5000}]"], "is not a whole number from 0 to"),
        (["content=a", "stylized=b", "cuts=3,x"], "cuts=x is not a whole number"),
        (["content=a", "stylized=b", "-o", "."], "is a folder; name a file"),
        (["content=a", "stylized=b", "-o", "/dev/null"], "-o /dev/null is not a file; name one"),
    ],
)
def test_wrong_arguments_get_one_sentence(arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        parse(arguments)


def test_clips_that_do_not_fit_are_refused(clips, tmp_path):
    short = save_frames(tmp_path / "short", noise(5))
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "0.png").write_bytes(b"no picture")
    mixed = save_frames(tmp_path / "mixed", [*noise(1), *noise(5, 10, 10)])
    source = clips["source"]
    for request, sentence in [
        (
            Request(source, (clips["same"], short)),
            r"short has 5 frames and the content 6; name the part",
        ),
        (Request("battle", (short,), frames=6), "has 5 frames and the content 6"),
        (Request(source, (short,), start=6), "has 6 frames, too few for 1 from frame 6 on"),
        (Request(source, (short,), start=2, frames=5), "too few for 5 from frame 2 on"),
        (Request(source, ("nix.mp4",)), "nix.mp4 does not exist"),
        (Request(source, (str(tmp_path / "empty"),)), "contains no pictures"),
        (Request(source, (str(tmp_path / "broken"),)), "cannot be read as a picture"),
        (Request(source, (mixed,), flow="dis"), "10x10 pixels, but the first in its folder 96x72"),
        (Request("battle", (clips["same"],), size=64), "leave size out"),
        (Request(source, (clips["same"],), style="nix.jpg"), "nix.jpg does not exist"),
        (
            Request(source, (clips["same"],), cuts=(6,)),
            "cuts has 6, but frames 0 to 5 of the content are compared",
        ),
        (
            Request(source, (clips["single"],), start=4, frames=1),
            "a single frame has no motion to measure",
        ),
    ]:
        with pytest.raises(InputError, match=sentence):
            evaluate(request)


def test_a_wrong_file_is_answered_at_once_with_status_2():
    command = [sys.executable, "-m", "vst.evaluate", "content=nix.mp4", "stylized=nix2.mp4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "vst: nix.mp4 does not exist; name a video or a folder of frames\n"
    assert done.stdout == ""
    lazy = "import sys, vst.evaluate; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", lazy], check=False).returncode == 0


def test_a_mistake_is_one_sentence_on_standard_error(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["evaluate", "content=a"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    captured = capsys.readouterr()
    assert captured.err == "vst: stylized is not given; add stylized=… to the command line\n"
    assert captured.out == ""


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_is_given(arguments, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["evaluate", *arguments])
    main()
    printed = capsys.readouterr().out
    assert printed.startswith("python -m vst.evaluate content=")
    fields = set(Request.__dataclass_fields__) - {"output"}
    assert all(f"{name}=" in printed for name in fields)


def test_a_link_that_is_named_for_the_figures_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "figures.json")
    request = parse(["content=a", "stylized=b", "-o", str(tmp_path / "link.json")])
    assert request.output == (tmp_path / "figures.json").resolve()
