"""Pyodide as tests have it is Pyodide as its makers publish it: compared with npm's package of the same version."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from pyodide_folder import PYODIDE

from qae_sim.site.pyodide import CORE, LOCK, VERSION

NPM = shutil.which("npm")
#: What whoever packed the folder has added to the lock file: a package of theirs, which nothing here loads.
THEIRS = {"provisa-client"}

pytestmark = pytest.mark.skipif(NPM is None, reason="no npm found")
needs_the_folder = pytest.mark.skipif(PYODIDE is None, reason="no Pyodide found: python tests/pyodide_folder.py FOLDER")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of npm's package, by name."""
    folder = tmp_path_factory.mktemp("npm")
    command = [str(NPM), "pack", "--silent", f"pyodide@{VERSION}"]
    subprocess.run(command, cwd=folder, check=True, timeout=120, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as packed:
        members = [(member.name, packed.extractfile(member)) for member in packed if member.isfile()]
        return {Path(name).name: content.read() for name, content in members if content is not None}


def packages(lock: bytes) -> dict[str, Any]:
    """What a lock file says of each package."""
    found: dict[str, Any] = json.loads(lock)["packages"]
    return found


@pytest.mark.parametrize("name", CORE)
def test_the_core_that_the_site_names_is_the_published_one(published: dict[str, bytes], name: str) -> None:
    assert hashlib.sha256(published[name]).hexdigest() == CORE[name]


def test_the_lock_file_says_of_each_package_what_the_published_one_says(published: dict[str, bytes]) -> None:
    ours, theirs = LOCK.read_bytes(), published[LOCK.name]
    assert json.loads(ours)["info"] == json.loads(theirs)["info"]
    assert packages(ours).items() <= packages(theirs).items()


@needs_the_folder
def test_the_folder_is_the_published_one(published: dict[str, bytes]) -> None:
    """Its core byte by byte; its lock file, of which a part was kept; its packages by their hashes."""
    assert PYODIDE is not None
    for name in CORE:
        assert (PYODIDE / name).read_bytes() == published[name], name
    ours, theirs = packages((PYODIDE / LOCK.name).read_bytes()), packages(published[LOCK.name])
    assert {name for name, entry in ours.items() if theirs.get(name) != entry} == THEIRS
    known = {entry["file_name"]: entry["sha256"] for entry in theirs.values()}
    files = {path.name: path for path in PYODIDE.iterdir()}
    assert set(files) - set(known) - set(CORE) == {LOCK.name, "manifest.json"}
    for name in set(files) & set(known):
        assert hashlib.sha256(files[name].read_bytes()).hexdigest() == known[name], name
