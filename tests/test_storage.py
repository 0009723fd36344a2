"""Files: what they say they are, archives that come back, and writing that leaves the old file or the new one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qae_sim.storage import Layout, read_archive, write_archive, write_atomically

LAYOUT = Layout("qae_sim test", 2, "a test of qae_sim")


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ([], "it does not say that it is a test of qae_sim: it does not say what it holds"),
        ({}, "it does not say that it is a test of qae_sim: it does not say what it holds"),
        ({"format": "else"}, "it does not say that it is a test of qae_sim: it holds 'else'"),
        ({"format": "qae_sim test", "format_version": 3}, "its layout is number 3, this version of qae_sim reads 2"),
        ({"format": "qae_sim test"}, "its layout is number None"),
    ],
)
def test_files_of_another_kind_are_named(head: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LAYOUT.require(head)
    LAYOUT.require(LAYOUT.head | {"more": 1})


@pytest.mark.parametrize("compressed", [False, True])
def test_archives_come_back(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "a.npz"
    arrays = {"x": np.random.default_rng(0).random((3, 4)), "n": np.arange(5)}
    write_archive(path, LAYOUT, {"seed": 3}, arrays, entry="head", compressed=compressed)
    about, again = read_archive(path, LAYOUT, entry="head")
    assert about == LAYOUT.head | {"seed": 3}
    assert set(again) == set(arrays)
    for name, values in arrays.items():
        np.testing.assert_array_equal(again[name], values)
    with pytest.raises(ValueError, match="it does not say what it holds"):
        read_archive(path, LAYOUT)


def test_damaged_archives_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_archive(path, LAYOUT, {}, {"x": np.zeros(100)})
    whole = path.read_bytes()
    for content, message in [
        (b"", "no archive of arrays"),
        (b"hello", "no archive of arrays"),
        (whole[: len(whole) // 2], "cut short or damaged"),
        (b"PK\x03\x04zzzz", "cut short or damaged"),
    ]:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_archive(path, LAYOUT)
    np.savez(path, about=np.array(json.dumps({"format": "else"})))
    with pytest.raises(ValueError, match="it holds 'else'"):
        read_archive(path, LAYOUT)
    with pytest.raises(FileNotFoundError):
        read_archive(tmp_path / "b.npz", LAYOUT)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(handle: int) -> None:
        raise OSError("no space")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere nobody is asked whether a process lives")
def test_leftovers_of_dead_processes_are_removed_and_nothing_else(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead = int(done.stdout)
    living = os.getppid()
    kept = [f".file.{living}.part", f".other.{dead}.part", ".file.x.part", f".file.{dead}.parts", f"file.{dead}.part"]
    for name in (f".file.{dead}.part", f".file.{10**30}.part", *kept):
        (tmp_path / name).write_bytes(b"half")
    write_atomically(tmp_path / "file", b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {"file", *kept}
