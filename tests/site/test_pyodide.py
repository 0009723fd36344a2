"""Which Pyodide the site uses: pinned hashes, folders that are checked, addresses."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from pyodide_folder import PYODIDE

from qae_sim.site import pyodide
from qae_sim.site.pyodide import ADDRESS, VERSION, hashes, place


def test_the_lock_file_is_of_this_version_and_has_every_package_that_another_needs() -> None:
    lock = json.loads(pyodide.LOCK.read_text())
    assert lock["info"]["version"] == VERSION
    assert f"/v{VERSION}/" in ADDRESS
    names = {name.replace("_", "-") for name in lock["packages"]}
    for package in lock["packages"].values():
        assert {name.replace("_", "-") for name in package["depends"]} <= names
    assert {"numpy", "scipy", "matplotlib", "pandas", "pyarrow", "ipython"} <= names
    assert all(len(value) == 64 for value in hashes().values())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of a Pyodide with two files."""
    files = {"pyodide.js": b"1", "numpy.whl": b"2"}
    monkeypatch.setattr(pyodide, "hashes", lambda: {n: hashlib.sha256(c).hexdigest() for n, c in files.items()})
    folder = tmp_path / "release"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "more.whl").write_bytes(b"3")
    return folder


def test_a_folder_is_copied_without_what_lessons_do_not_need(small: Path, tmp_path: Path) -> None:
    assert place(str(small), tmp_path / "site") == "pyodide/"
    copied = {path.name: path.read_bytes() for path in (tmp_path / "site" / "pyodide").iterdir()}
    assert copied == {"pyodide.js": b"1", "numpy.whl": b"2"}


def test_other_files_are_refused(small: Path, tmp_path: Path) -> None:
    (small / "numpy.whl").write_bytes(b"other")
    with pytest.raises(ValueError, match=r"another numpy\.whl is in it"):
        place(str(small), tmp_path / "site")
    (small / "numpy.whl").unlink()
    with pytest.raises(ValueError, match=r"it has no numpy\.whl"):
        place(str(small), tmp_path / "site")


@pytest.mark.parametrize("end", ["", "/"])
def test_an_address_stays(end: str, tmp_path: Path) -> None:
    assert place(f"https://127.0.0.1/pyodide{end}", tmp_path) == "https://127.0.0.1/pyodide/"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(PYODIDE is None, reason="no Pyodide found")
def test_what_tests_use_is_this_pyodide() -> None:
    for name, expected in hashes().items():
        assert hashlib.sha256((PYODIDE / name).read_bytes()).hexdigest() == expected, name  # type: ignore[operator]
