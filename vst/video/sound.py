"""The sound of a stretch of a clip, copied or re-encoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, groupby
from pathlib import Path

import av
import av.filter
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from vst.video.container import picture_stream, sound_stream
from vst.video.packets import played

# Codecs that players support in an mp4. The format allows more (PCM, Vorbis), but hardly any player supports them.
SOUND_FOR_MP4 = {"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"}

AAC_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}


@dataclass(frozen=True)
class SoundTrack:
    """The sound of a clip that is open, whose packets are read in the clip's timeline."""

    container: InputContainer
    pictures: VideoStream
    stream: AudioStream

    def packets(self) -> Iterator[Packet]:
        """Yield the packets of the sound that are not empty, in one timeline with the pictures."""
        for packet in played(self.container, self.pictures):
            if packet.stream_index == self.stream.index and packet.size > 0:
                yield packet


def sound_track(container: InputContainer, path: Path) -> SoundTrack:
    """Return the sound of a clip; raises `ValueError` where it has none that can be decoded."""
    stream = sound_stream(container)
    if stream is None:
        raise ValueError("no decoder supports the sound, or there is no packet of it")
    return SoundTrack(container, picture_stream(container, path), stream)


def copied_sound(
    track: SoundTrack, output: OutputContainer, start: Fraction, end: Fraction
) -> tuple[Stream, Iterator[Packet]]:
    """Return a stream for the sound from `start` to `end` (seconds), and its packets, unchanged."""
    codec = track.stream.codec_context.codec.canonical_name
    if codec not in SOUND_FOR_MP4:
        raise ValueError(f"players do not support {codec} sound in an mp4")
    target = output.add_stream_from_template(track.stream)
    rate = track.stream.codec_context.sample_rate
    return target, _shifted(_of_one_kind(track), target, start, end, Fraction(1, rate))


def _of_one_kind(track: SoundTrack) -> Iterator[Packet]:
    """Yield the packets of the sound; raises `ValueError` where its rate or channels change: an mp4 has but one."""
    first = None
    for packet in track.packets():
        for frame in _decoded(track.stream, packet):
            first = first or _kind(frame)
            if _kind(frame) != first:
                raise ValueError("the sound's rate or channels change")
        yield packet


def _shifted(
    packets: Iterable[Packet], target: Stream, start: Fraction, end: Fraction, sample: Fraction
) -> Iterator[Packet]:
    """Yield the packets that begin from `start` on and before `end`, with times relative to `start`.

    Times are in seconds, and rounded to a `sample`, because an avi counts its sound in packets.
    """
    for packet in packets:
        decoded = (packet.dts or 0) * packet.time_base
        shown = decoded if packet.pts is None else packet.pts * packet.time_base
        lasts = (packet.duration or 0) * packet.time_base
        if start <= shown < end:
            packet.stream, packet.time_base = target, sample
            packet.pts, packet.dts = round((shown - start) / sample), round((decoded - start) / sample)
            packet.duration = round(lasts / sample)
            yield packet


def encoded_sound(
    track: SoundTrack, output: OutputContainer, start: Fraction, end: Fraction
) -> tuple[Stream, Iterator[Packet]]:
    """Return a stream for the sound from `start` to `end` (seconds), and its packets encoded as AAC."""
    codec = track.stream.codec_context
    rate = codec.sample_rate if codec.sample_rate in AAC_RATES else 48000
    target = output.add_stream("aac", rate=rate, bit_rate=192_000)
    target.codec_context.layout = "mono" if codec.layout.nb_channels == 1 else "stereo"
    return target, _encode(_samples(track, target, start, end), target)


def _encode(samples: Iterator[av.AudioFrame], target: AudioStream) -> Iterator[Packet]:
    for frame in samples:
        yield from target.encode(frame)
    yield from target.encode(None)


def _samples(
    track: SoundTrack, target: AudioStream, start: Fraction, end: Fraction
) -> Iterator[av.AudioFrame]:
    """Yield the decoded sound from `start` to `end` (seconds), with times relative to `start` and silence in gaps."""
    codec = target.codec_context
    graph = av.filter.Graph()
    nodes = [
        graph.add_abuffer(sample_rate=codec.sample_rate, format=codec.format, layout=codec.layout),
        graph.add("atrim", f"start={float(start):.6f}:end={float(end):.6f}"),
        graph.add("asetpts", f"PTS-{float(start):.6f}/TB"),
        graph.add("aresample", f"{codec.sample_rate}:async=1:first_pts=0"),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    for frame in _alike(_until(track, end), target):
        graph.push(frame)
        yield from _filtered(graph)
    graph.push(None)
    yield from _filtered(graph)


def _alike(frames: Iterator[av.AudioFrame], target: AudioStream) -> Iterator[av.AudioFrame]:
    """Yield the sound with the rate and channels of `target`, and times in its samples, whatever it changes to."""
    codec = target.codec_context
    for _, stretch in groupby(frames, _kind):
        resampler = av.AudioResampler(codec.format, codec.layout, codec.sample_rate)
        for frame in chain(stretch, [None]):
            for converted in resampler.resample(frame):
                if converted is None:  # of a resampler that has nothing to do, at its end
                    continue
                if converted.pts is not None and converted.time_base:
                    converted.pts = round(converted.pts * converted.time_base * codec.sample_rate)
                converted.time_base = Fraction(1, codec.sample_rate)
                yield converted


def _kind(frame: av.AudioFrame) -> tuple[int, str, str]:
    return frame.sample_rate, frame.layout.name, frame.format.name


def _until(track: SoundTrack, end: Fraction) -> Iterator[av.AudioFrame]:
    """Yield the decoded sound up to `end` (seconds)."""
    for packet in chain(track.packets(), [None]):
        for frame in _decoded(track.stream, packet):
            frame.time_base = track.stream.time_base
            if frame.pts is not None and frame.time_base and frame.pts * frame.time_base >= end:
                return
            yield frame


def _decoded(stream: AudioStream, packet: Packet | None) -> list[av.AudioFrame]:
    """The sound of a packet, none where it is damaged; that which the decoder still holds for no packet."""
    try:
        return stream.decode(packet)
    except av.FFmpegError:
        return []


def _filtered(graph: av.filter.Graph) -> Iterator[av.AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        if isinstance(frame, av.AudioFrame):
            yield frame
