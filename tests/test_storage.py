"""Files: what they say they are, archives that come back, and writing that leaves the old file or the new one."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qae_sim.storage import (
    UNSEALED,
    Layout,
    from_json,
    from_lines,
    one_writer,
    read_archive,
    seal,
    to_json,
    to_lines,
    verify,
    write_archive,
    write_atomically,
)

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
def test_leftovers_of_dead_processes_are_removed_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.node", lambda: "a.host")
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead = int(done.stdout)
    living = os.getppid()
    left = [
        *(f".file.a-host.{dead}.part", f".other file.npz.a-host.{dead}.part", f".file.a-host.{10**30}.part"),
        *(f".file.{dead}.part", f".file.{10**30}.part"),  # as they were named before
    ]
    kept = [
        *(f".file.a-host.{living}.part", f".file.another-host.{dead}.part", ".file.a-host.x.part"),
        *(f".file.{living}.part", f".other.{dead}.part", ".file.x.part", f".file.{dead}.parts", f"file.{dead}.part"),
    ]
    for name in (*left, *kept):
        (tmp_path / name).write_bytes(b"half")
    write_atomically(tmp_path / "file", b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {"file", *kept}


# --- checksums ---


def test_every_changed_byte_of_sealed_json_is_refused() -> None:
    content = to_json({"k": 0.4, "words": ["a", None]}, indent=1)
    assert from_json(content) == {"k": 0.4, "words": ["a", None]}
    for place in range(len(content)):
        for mask in (1, 2, 4, 8, 16, 32, 64, 128, 255):
            with pytest.raises(ValueError, match="."):
                from_json(content[:place] + bytes([content[place] ^ mask]) + content[place + 1 :])
    for length in range(len(content)):
        with pytest.raises(ValueError, match="."):
            from_json(content[:length])


def test_json_without_a_checksum_is_read() -> None:
    assert from_json(b'{"k": 0.4}') == {"k": 0.4}
    assert verify(b"anything") is None


def test_there_is_one_place_for_a_checksum() -> None:
    place = " ".join(UNSEALED).encode()
    with pytest.raises(ValueError, match=r"content must be content with one checksum, of zeros; got \[\]"):
        seal(b"nothing")
    with pytest.raises(ValueError, match="with one checksum, of zeros"):
        seal(place + place)
    sealed = seal(place)
    with pytest.raises(ValueError, match="with one checksum, of zeros"):
        seal(sealed)
    with pytest.raises(ValueError, match="does not fit"):
        verify(sealed + sealed)


def test_lines_that_are_missing_changed_or_moved_are_named() -> None:
    content, last = to_lines([{"row": i, "x": float("nan")} for i in range(5)])
    more, _ = to_lines([{"row": 5}], last)
    lines = (content + more).splitlines(keepends=True)
    assert [row["row"] for row in from_lines(b"".join(lines))] == list(range(6))
    assert [row["row"] for row in from_lines(b"".join(lines)[:-1])] == list(range(5))  # a crash while writing
    for damaged, place in [
        (lines[1:], 1),
        ([*lines[:2], *lines[3:]], 3),
        ([*lines[:3], lines[2], *lines[3:]], 4),
        ([*lines[:3], lines[4], lines[3], lines[5]], 4),
        ([*lines[:4], lines[4].replace(b"4", b"5", 1), lines[5]], 5),
        ([*lines, b"{}\n"], 7),
        ([b"{}\n", *lines], 2),
        ([b"[]\n"], 1),
    ]:
        with pytest.raises(ValueError, match=f"^line {place}: "):
            list(from_lines(b"".join(damaged)))
    assert list(from_lines(b'{"a": 1}\n{"a": 2}\n')) == [{"a": 1}, {"a": 2}]


def test_damaged_archives_name_the_entry(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_archive(path, LAYOUT, {}, {"first": np.zeros(100), "second": np.zeros(100)})
    with zipfile.ZipFile(path) as archive:
        assert archive.comment.startswith(b"checksum sha256:")
        place = archive.getinfo("second.npy").header_offset + 300
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged \(its checksum does not fit, first in second.npy\)"):
        read_archive(path, LAYOUT)
    np.savez(path, about=np.array(json.dumps(LAYOUT.head)), x=np.arange(3))  # from before checksums
    assert read_archive(path, LAYOUT)[1]["x"].tolist() == [0, 1, 2]


# --- one writer ---

WRITER = """
import sys, time
from pathlib import Path
from qae_sim.storage import one_writer
with one_writer(Path(sys.argv[1])):
    print("writing", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(os.name != "posix", reason="there are no locks")
def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            by = f"is being written by another process, {process.pid} on "
            with pytest.raises(ValueError, match=by) as caught, one_writer(tmp_path):
                pass
            assert str(tmp_path) in str(caught.value)
        finally:
            process.send_signal(signal.SIGKILL)
    with one_writer(tmp_path):
        pass
    with one_writer(tmp_path):  # and it is given back
        pass


@pytest.mark.skipif(os.name != "posix", reason="there are no locks")
def test_where_nothing_can_be_locked_a_warning_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refused(number: int, text: str) -> Any:
        def flock(file: Any, flags: int) -> None:
            raise OSError(number, text)

        return flock

    for number in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL):  # NFS without its lock service, and others
        text = os.strerror(number)
        monkeypatch.setattr(fcntl, "flock", refused(number, text))
        message = rf"cannot be locked \({re.escape(text)}\): let no other process write it at the same time"
        with pytest.warns(UserWarning, match=message) as caught, one_writer(tmp_path):
            pass
        assert str(tmp_path) in str(caught[0].message)
    monkeypatch.setattr(fcntl, "flock", refused(errno.EIO, "Input/output error"))
    with pytest.raises(OSError, match="Input/output error"), one_writer(tmp_path):
        pass
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.warns(UserWarning, match=r"cannot be locked \(this system has none\)"), one_writer(tmp_path):
        pass
