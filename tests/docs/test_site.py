"""The documentation's site is whole, and needs no network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: a warning is an error."""
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: make setup")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def pages(site: Path) -> dict[str, str]:
    return {str(page.relative_to(site)): page.read_text(encoding="utf-8") for page in site.rglob("*.html")}


def test_nothing_comes_from_elsewhere(site: Path):
    loading = re.compile(r"<(?:script|img|iframe)[^>]+src=\"(?:https?:)?//|<link[^>]+href=\"(?:https?:)?//")
    for name, text in pages(site).items():
        assert not loading.search(text), name
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(?:https?:)?//|@import", sheet.read_text(encoding="utf-8")), (
            sheet
        )


def test_equations_are_typeset(site: Path):
    text = (site / "models.html").read_text(encoding="utf-8")
    assert text.count("<math") > 40
    assert 'display="block"' in text
    assert "merror" not in text
    for name, page in pages(site).items():
        article = re.sub(r"<(pre|code|script)\b.*?</\1>", "", page, flags=re.DOTALL)
        assert "\\(" not in article, name
        assert "\\[" not in article, name


@pytest.mark.parametrize(
    "function",
    [
        "gram_matrix",
        "content_loss",
        "style_loss",
        "mse_coherence",
        "enhanced_coherence",
        "flow_coherence",
        "masked_coherence",
        "paper_gate",
        "closing_gate",
    ],
)
def test_every_equation_leads_to_its_function(site: Path, function: str):
    name = f"vst.losses.functional.{function}"
    assert f'href="reference/losses.html#{name}"' in (site / "models.html").read_text(encoding="utf-8")
    assert f'id="{name}"' in (site / "reference" / "losses.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_of_the_front_door_lead_somewhere(name: str):
    targets = LINK.findall((ROOT / name).read_text(encoding="utf-8"))
    for target in targets:
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_the_front_door_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_short_table_is_the_long_ones_own():
    short = (ROOT / "README.md").read_text(encoding="utf-8")
    long = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    table = short[short.index("<!-- summary -->") : short.index("<!-- /summary -->")].splitlines()
    rows = [line for line in table if line.startswith("|")]
    assert len(rows) > 2
    assert "\n".join(rows) in long
