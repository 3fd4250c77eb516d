"""Decoding the pictures of a clip, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Iterator

import av
import av.filter
from av.container import InputContainer
from av.video.stream import VideoStream

from vst.video.packets import played


def decoded(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Yield the pictures of a stream, those that are interlaced as coded, with times of one timeline."""
    for packet in played(container, stream):
        # One without data repeats the picture before it, which its decoder would refuse to do.
        if packet.stream_index == stream.index and packet.size > 0:
            yield from stream.decode(packet)
    yield from stream.decode(None)


def deinterlaced(pictures: Iterator[av.VideoFrame], stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Yield as many pictures, with the same times, the two fields of those that are interlaced made one."""
    graph = None
    for picture in pictures:
        if graph is None and picture.interlaced_frame:
            graph = _deinterlacer(stream)
        if graph is None:
            yield picture
        else:
            graph.push(picture)
            yield from _pulled(graph, stream)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph, stream)


def _deinterlacer(stream: VideoStream) -> av.filter.Graph:
    graph = av.filter.Graph()
    # one picture for each picture, and those that are not interlaced unchanged
    bwdif = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    graph.link_nodes(graph.add_buffer(template=stream), bwdif, graph.add("buffersink")).configure()
    return graph


def _pulled(graph: av.filter.Graph, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Yield what a graph has ready, in the stream's time base."""
    while True:
        try:
            picture = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(picture, av.VideoFrame)
        if picture.pts is not None and picture.time_base and stream.time_base:
            picture.pts = round(picture.pts * picture.time_base / stream.time_base)
        yield picture
