from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from vst.files import Damaged, atomic_write, write_json, write_text
from vst.runs.table import Table


def test_a_table_grows_by_rows(tmp_path):
    table = Table(tmp_path / "deep" / "metrics.csv")
    table.begin(["frame", "total", "outcome"])
    assert table.path.read_bytes() == b"frame,total,outcome\n"
    table.append([{"frame": 0, "total": 0.1, "outcome": "finished"}])
    table.append([{"frame": 1, "outcome": "a, b"}, {"frame": 2, "total": math.nan, "other": 1}])
    assert table.path.read_bytes() == b'frame,total,outcome\n0,0.1,finished\n1,,"a, b"\n2,nan,\n'
    assert table.size == len(table.path.read_bytes())
    assert table.read() == [
        {"frame": "0", "total": "0.1", "outcome": "finished"},
        {"frame": "1", "total": "", "outcome": "a, b"},
        {"frame": "2", "total": "nan", "outcome": ""},
    ]


def test_numbers_tell_every_float32_from_the_next(tmp_path):
    table = Table(tmp_path / "table.csv")
    table.begin(["value"])
    near = [1.0000001192092896, 1.0, 16777216.0, 16777215.0, 1.17549435e-38, 1 / 3]
    table.append([{"value": value} for value in near])
    found = [float(row["value"]) for row in table.read()]
    assert len(set(found)) == len(near)
    assert found == pytest.approx(near, rel=1e-8)


def test_a_table_is_cut_back_to_what_is_known_to_be_whole(tmp_path):
    table = Table(tmp_path / "table.csv")
    table.begin(["frame", "name"])
    table.append([{"frame": 0, "name": "Gouvernée à l'œil"}])
    size = table.size
    table.append([{"frame": 1, "name": "lost"}])
    with table.path.open("a", encoding="utf-8") as file:
        file.write("2,ha")  # killed in the middle of a row
    resumed = Table(table.path)
    resumed.keep(size)
    resumed.begin(["frame", "name"])
    assert resumed.size == size
    resumed.append([{"frame": 1, "name": "again"}])
    assert [row["name"] for row in resumed.read()] == ["Gouvernée à l'œil", "again"]


def test_a_table_that_lost_rows_is_not_filled_up(tmp_path):
    table = Table(tmp_path / "table.csv")
    table.begin(["frame"])
    table.append([{"frame": index} for index in range(9)])
    size, digest, whole = table.size, table.sha256, table.path.read_bytes()
    Table(table.path).keep(size, digest)
    Table(table.path).keep(None, least=size)
    for content in (whole[:-1], whole.replace(b"7", b"6"), b""):
        table.path.write_bytes(content)
        with pytest.raises(Damaged, match=r"table\.csv is damaged"):
            Table(table.path).keep(size, digest)
        assert table.path.read_bytes() == content
    with pytest.raises(Damaged, match=r"table\.csv is damaged"):
        Table(table.path).keep(None, least=size)


def test_a_table_begun_anew_forgets_the_old(tmp_path):
    table = Table(tmp_path / "table.csv")
    table.begin(["old"])
    table.append([{"old": 1}])
    table.begin(["new"])
    assert table.read() == []
    assert table.path.read_text() == "new\n"


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_file_appears_at_the_end(tmp_path):
    path = tmp_path / "folder" / "file.txt"
    with atomic_write(path) as aside:
        aside.write_text("whole")
        assert not path.exists()
        assert aside.parent == path.parent  # a rename across file systems is none
    assert path.read_text() == "whole"
    assert names(path.parent) == ["file.txt"]


def test_a_failure_leaves_nothing_or_what_was_there(tmp_path):
    path = tmp_path / "file.txt"

    def fail() -> None:
        with atomic_write(path) as aside:
            aside.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert names(tmp_path) == []
    path.write_text("before")
    with pytest.raises(OSError, match="disk full"):
        fail()
    assert names(tmp_path) == ["file.txt"]
    assert path.read_text() == "before"


def test_a_failure_before_anything_was_written(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / "file.txt"):
        pass
    assert names(tmp_path) == []


def test_a_text_replaces_the_one_before(tmp_path):
    write_text(tmp_path / "file.txt", "before")
    write_text(tmp_path / "file.txt", "Δ after\n")
    assert (tmp_path / "file.txt").read_bytes() == "Δ after\n".encode()
    assert names(tmp_path) == ["file.txt"]


def test_json_is_what_any_reader_takes(tmp_path):
    content = {
        "mean": math.nan,
        "more": {"inf": [math.inf, -math.inf, 1.5], 3: (True, None)},
        "name": "Ø",
    }
    write_json(tmp_path / "metrics.json", content)
    text = (tmp_path / "metrics.json").read_text(encoding="utf-8")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    assert json.loads(text, parse_constant=refuse) == {
        "mean": None,
        "more": {"inf": [None, None, 1.5], "3": [True, None]},
        "name": "Ø",
    }
    assert "Ø" in text
    assert text.endswith("}\n")
    assert '\n  "mean": null' in text


def test_json_that_cannot_be_written_leaves_the_old(tmp_path):
    write_json(tmp_path / "metrics.json", {"a": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "metrics.json", {"a": object()})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"a": 1}
    assert names(tmp_path) == ["metrics.json"]
