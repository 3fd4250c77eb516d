from __future__ import annotations

import os
from pathlib import Path

import pytest

from vst.errors import InputError
from vst.files import Damaged, atomic_write, read_hashed, refuse_link, write_hashed, write_text


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "file").symlink_to(tmp_path / "theirs")
    write_text(tmp_path / "file", "ours")
    assert (tmp_path / "theirs").read_text() == "theirs"
    assert (tmp_path / "file").read_text() == "ours"
    assert not (tmp_path / "file").is_symlink()


def test_no_link_can_lie_where_a_file_is_written_aside(tmp_path: Path) -> None:
    names = set()
    for _ in range(2):
        with atomic_write(tmp_path / "file") as aside:
            names.add(aside.name)
            assert aside.is_file(), "it is made exclusively, before anybody writes to it"
            aside.write_text("ours")
    assert len(names) == 2


@pytest.mark.parametrize("letter", ["a", "é", "\U0001f3a8"])
def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path, letter: str) -> None:
    name = letter * (os.pathconf(tmp_path, "PC_NAME_MAX") // len(letter.encode()))
    write_text(tmp_path / name, "ours")
    assert (tmp_path / name).read_text() == "ours"


def test_a_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    write_text(tmp_path / "ours", "ours")
    (tmp_path / "any").write_text("any")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "frames").symlink_to(tmp_path)
    with pytest.raises(InputError, match="frames is a link"):
        refuse_link(tmp_path / "frames")
    refuse_link(tmp_path)


def test_every_damage_to_a_file_is_noticed(tmp_path: Path) -> None:
    path, content = tmp_path / "file", os.urandom(200)
    write_hashed(path, memoryview(content))
    whole = path.read_bytes()
    assert read_hashed(path) == content
    first = len(whole) - len(content)
    for place in range(first, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(Damaged, match="is damaged"):
            read_hashed(path)
        path.write_bytes(whole[:place])
        with pytest.raises(Damaged, match="is damaged"):
            read_hashed(path)


def test_what_is_no_file_is_not_waited_for(no_file: Path) -> None:
    with pytest.raises(Damaged):
        read_hashed(no_file)


def test_a_file_without_a_hash_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"of version 0.1")
    assert read_hashed(tmp_path / "old") == b"of version 0.1"
