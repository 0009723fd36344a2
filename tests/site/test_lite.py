"""JupyterLite as the site holds it: what is in it, that two builds are the same, and what is said without it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jupyterlite_core")
pytest.importorskip("jupyterlite_pyodide_kernel")

from lessons import NOTEBOOKS

from qae_sim.site import lite
from qae_sim.site.lite import PACKAGES, write_lite
from qae_sim.site.wheels import pure_wheel
from qae_sim.theory import verify
from qae_sim.theory.verify import described

FOUND = "qae_sim/theory/found_before.json"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    assert (
        write_lite(NOTEBOOKS, folder, "pyodide/", verify(["qae.eq4"]).results) == folder / "lite" / "lab" / "index.html"
    )
    return folder / "lite"


def settings_of(built: Path) -> dict[str, Any]:
    config = json.loads((built / "jupyter-lite.json").read_text())["jupyter-config-data"]
    return dict(config["litePluginSettings"]["@jupyterlite/pyodide-kernel-extension:kernel"])


def test_every_lesson_is_there_with_a_cell_that_installs_what_it_needs(built: Path) -> None:
    written = sorted((built / "files").glob("*.ipynb"))
    assert [path.name for path in written] == [path.name for path in NOTEBOOKS]
    for path, original in zip(written, NOTEBOOKS, strict=True):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        title, install, *rest = notebook["cells"]
        assert install["source"].endswith("\n%pip install -q qae_sim[lessons]")
        assert [title, *rest] == json.loads(original.read_text(encoding="utf-8"))["cells"]
        assert notebook["metadata"]["kernelspec"]["name"] == "python"


def test_packages_come_from_the_site_alone_and_their_hashes_are_those_of_the_installed_ones(built: Path) -> None:
    settings = settings_of(built)
    assert settings["disablePyPIFallback"] is True
    index = json.loads((built / "pypi" / "all.json").read_text())
    assert len(index) == len(PACKAGES)
    for package in PACKAGES:
        wheel = pure_wheel(package, {FOUND: described(verify(["qae.eq4"]).results)} if package == "qae_sim" else {})
        name = package.replace("_", "-") if package.replace("_", "-") in index else package
        ((file,),) = index[name]["releases"].values()
        assert file["filename"] == wheel.name
        assert file["digests"]["sha256"] == hashlib.sha256(wheel.content).hexdigest()
        assert (built / "pypi" / wheel.name).read_bytes() == wheel.content


def test_pyodide_is_where_it_was_said_to_be(built: Path, tmp_path: Path) -> None:
    """Relative to the site, or at an address."""
    assert (built / "lab" / settings_of(built)["pyodideUrl"]).resolve() == built.parent / "pyodide" / "pyodide.js"
    address = "https://127.0.0.1/"
    again = write_lite(NOTEBOOKS, tmp_path, address, verify(["qae.eq4"]).results).parents[1]
    assert settings_of(again)["pyodideUrl"] == f"{address}pyodide.js"
    # All else is the same, byte for byte.
    files = {path.relative_to(built) for path in built.rglob("*") if path.is_file()}
    assert files == {path.relative_to(again) for path in again.rglob("*") if path.is_file()}
    differ = {path.as_posix() for path in files if (built / path).read_bytes() != (again / path).read_bytes()}
    assert differ == {"jupyter-lite.json"}


def test_it_holds_the_extensions_of_the_lessons_and_no_others(built: Path) -> None:
    config = json.loads((built / "jupyter-lite.json").read_text())["jupyter-config-data"]
    names = {extension["name"] for extension in config["federated_extensions"]}
    assert names == {"@jupyter-widgets/jupyterlab-manager", "@jupyterlite/pyodide-kernel-extension", "anywidget"}


def test_it_is_of_bounded_size(built: Path) -> None:
    assert sum(path.stat().st_size for path in built.rglob("*") if path.is_file()) < 40e6


def test_what_jupyterlite_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite, "_EPOCH", -1)
    with pytest.raises(RuntimeError, match="JupyterLite says: .*source_date_epoch"):
        write_lite(NOTEBOOKS[:1], tmp_path, "pyodide/", ())
