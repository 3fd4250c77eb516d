"""The sound of a stretch of a clip, copied or re-encoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import av.filter
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

# Codecs that players support in an mp4. The format allows more (PCM, Vorbis), but hardly any player supports them.
SOUND_FOR_MP4 = {"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"}

AAC_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}


def copied_sound(
    source: InputContainer, output: OutputContainer, start: Fraction, end: Fraction
) -> tuple[Stream, Iterator[Packet]]:
    """Return a stream for the sound from `start` to `end` (seconds), and its packets, unchanged."""
    track = _sound_track(source)
    codec = track.codec_context.codec.canonical_name
    if codec not in SOUND_FOR_MP4:
        raise ValueError(f"players do not support {codec} sound in an mp4")
    target = output.add_stream_from_template(track)
    rate = track.codec_context.sample_rate
    return target, _shifted(packets_of(source, track, target), start, end, Fraction(1, rate))


def _shifted(packets: Iterable[Packet], start: Fraction, end: Fraction, sample: Fraction) -> Iterator[Packet]:
    """Yield the packets that begin from `start` on and before `end`, with times relative to `start`.

    Times are in seconds, and rounded to a `sample`, because an avi counts its sound in packets.
    """
    for packet in packets:
        decoded = (packet.dts or 0) * packet.time_base
        shown = decoded if packet.pts is None else packet.pts * packet.time_base
        lasts = (packet.duration or 0) * packet.time_base
        if start <= shown < end:
            packet.time_base = sample
            packet.pts, packet.dts = round((shown - start) / sample), round((decoded - start) / sample)
            packet.duration = round(lasts / sample)
            yield packet


def encoded_sound(
    source: InputContainer, output: OutputContainer, start: Fraction, end: Fraction
) -> tuple[Stream, Iterator[Packet]]:
    """Return a stream for the sound from `start` to `end` (seconds), and its packets encoded as AAC."""
    track = _sound_track(source)
    rate = track.codec_context.sample_rate
    target = output.add_stream("aac", rate=rate if rate in AAC_RATES else 48000, bit_rate=192_000)
    target.codec_context.layout = "mono" if track.codec_context.layout.nb_channels == 1 else "stereo"
    return target, _encode(_samples(source, track, target, start, end), target)


def _encode(samples: Iterator[av.AudioFrame], target: AudioStream) -> Iterator[Packet]:
    for frame in samples:
        yield from target.encode(frame)
    yield from target.encode(None)


def _samples(
    source: InputContainer, track: AudioStream, target: AudioStream, start: Fraction, end: Fraction
) -> Iterator[av.AudioFrame]:
    """Yield the decoded sound from `start` to `end` (seconds), with times relative to `start` and silence in gaps."""
    graph = av.filter.Graph()
    nodes = [
        graph.add_abuffer(template=track),
        graph.add("atrim", f"start={float(start):.6f}:end={float(end):.6f}"),
        graph.add("asetpts", f"PTS-{float(start):.6f}/TB"),
        graph.add("aresample", f"{target.codec_context.sample_rate}:async=1:first_pts=0"),
        graph.add("aformat", f"sample_fmts=fltp:channel_layouts={target.codec_context.layout.name}"),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    for frame in _decoded(source, track, end):
        graph.push(frame)
        yield from _filtered(graph)
    graph.push(None)
    yield from _filtered(graph)


def _decoded(source: InputContainer, track: AudioStream, end: Fraction) -> Iterator[av.AudioFrame]:
    """Yield the decoded sound up to `end` (seconds), without damaged packets."""
    for packet in source.demux(track):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        for frame in frames:
            if frame.time is not None and frame.time >= end:
                return
            yield frame


def _filtered(graph: av.filter.Graph) -> Iterator[av.AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        if isinstance(frame, av.AudioFrame):
            yield frame


def _sound_track(source: InputContainer) -> AudioStream:
    if not source.streams.audio or source.streams.audio[0].codec_context is None:
        raise ValueError("no decoder supports the sound")
    return source.streams.audio[0]


def packets_of(source: InputContainer, stream: Stream, target: Stream) -> Iterator[Packet]:
    """Yield the packets of a stream, assigned to the stream `target`."""
    for packet in source.demux(stream):
        if packet.dts is not None:  # otherwise it only marks the end
            packet.stream = target
            yield packet
