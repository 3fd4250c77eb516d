r"""A Markdown extension: \(…\) in the text, and \[…\] as a paragraph, become MathML when the site is built.

Browsers draw MathML by themselves, so that the site needs no script for it and no network.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from latex2mathml.converter import convert_to_element
from markdown import Markdown
from markdown.blockprocessors import BlockProcessor
from markdown.extensions import Extension
from markdown.inlinepatterns import InlineProcessor

INLINE = r"\\\((.+?)\\\)"
PRIMED = re.compile(r"([A-Za-z])'")


def _element(tex: str, display: str) -> ElementTree.Element:
    # a prime stands beside its letter: as a superscript it is shrunk, and fonts draw it small and high by themselves
    return convert_to_element(PRIMED.sub(r"{\1\\prime}", tex), display=display)


class _Inline(InlineProcessor):
    def handleMatch(  # noqa: N802 - Markdown's name
        self, m: re.Match[str], data: str
    ) -> tuple[ElementTree.Element, int, int]:
        equation = ElementTree.Element("span", {"class": "equation"})
        equation.append(_element(m[1], "inline"))
        return equation, m.start(0), m.end(0)


class _Block(BlockProcessor):
    def test(self, parent: ElementTree.Element, block: str) -> bool:
        return block.lstrip().startswith("\\[") and block.rstrip().endswith("\\]")

    def run(self, parent: ElementTree.Element, blocks: list[str]) -> None:
        tex = blocks.pop(0).strip()[2:-2]
        equation = ElementTree.SubElement(parent, "div", {"class": "equation"})
        equation.append(_element(tex, "block"))


class MathML(Extension):
    """Registers both, before backslashes are taken for escapes."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - Markdown's name
        """Called by Markdown."""
        md.inlinePatterns.register(_Inline(INLINE, md), "mathml", 189)
        md.parser.blockprocessors.register(_Block(md.parser), "mathml", 110)


def makeExtension(**options: object) -> MathML:  # noqa: N802 - Markdown's name
    """Called by Markdown."""
    return MathML(**options)
