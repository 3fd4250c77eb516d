"""The packets of a clip as they are played: without jumps of time between them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from vst.video.container import sound_stream

FORWARD, BACK = Fraction(10), Fraction(1, 10)
"""Seconds by which times jump: a longer gap, or a larger step back, does not belong to the clip. The values are those
of the ffmpeg command."""


def played(container: InputContainer, pictures: VideoStream, *others: Stream) -> Iterator[Packet]:
    """Yield the packets of the pictures, their sound and other streams, in the order of the file, in one timeline.

    Recordings may have been put one behind the other, and a clock may have been reset or wrapped around: the times of
    a packet then do not continue those before it. From there on all times are moved, so that they do. Packets without
    times and data, which mark the end of a stream, are left out; those with times but without data are not: they
    repeat the picture before them.
    """
    sound = sound_stream(container)
    led_by = [pictures] if sound is None else [pictures, sound]
    timeline = _Timeline(led_by, gaps_are_jumps=may_jump(container))
    for packet in container.demux([*led_by, *others]):
        if packet.dts is None and packet.pts is None and packet.size == 0:
            continue
        timeline.place(packet)
        yield packet


def may_jump(container: InputContainer) -> bool:
    """Whether a gap in the times of a container may be a jump of its clock, as in transport streams."""
    return bool(container.format.flags & Flags.ts_discont.value)


class _Timeline:
    """Moves the times of packets so that those of the leading streams go on without jumps."""

    def __init__(self, led_by: list[VideoStream | AudioStream], gaps_are_jumps: bool):
        self._gaps_are_jumps = gaps_are_jumps
        self._moved = Fraction(0)
        # of each leading stream, the time in seconds of its last packet, and of the one that is expected next
        self._reached: dict[int, tuple[Fraction, Fraction] | None] = {stream.index: None for stream in led_by}

    def place(self, packet: Packet) -> None:
        """Move the times of the next packet of the file."""
        if packet.dts is not None and packet.stream.index in self._reached:
            time = packet.dts * packet.time_base + self._moved
            if reached := self._reached[packet.stream.index]:
                last, expected = reached
                if time < last - BACK or (self._gaps_are_jumps and time > expected + FORWARD):
                    self._moved += expected - time
                    time = expected
            self._reached[packet.stream.index] = time, time + _duration(packet)
        if self._moved:
            ticks = round(self._moved / packet.time_base)
            packet.dts = None if packet.dts is None else packet.dts + ticks
            packet.pts = None if packet.pts is None else packet.pts + ticks


def _duration(packet: Packet) -> Fraction:
    """How long a packet lasts, in seconds; by the frame rate if the packet does not say it."""
    if packet.duration:
        return packet.duration * packet.time_base
    rate = packet.stream.average_rate if isinstance(packet.stream, VideoStream) else None
    return 1 / Fraction(rate) if rate else Fraction(0)
