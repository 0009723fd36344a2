"""JupyterLab in the browser with all lessons as notebooks: its files, its extensions, and the packages it installs."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qae_sim.site.pyodide import LOCK
from qae_sim.site.wheels import pure_wheel
from qae_sim.storage import write_atomically
from qae_sim.theory import VerifiedClaim
from qae_sim.theory.verify import FOUND_BEFORE, described

#: The folder of JupyterLite in the site.
LITE = "lite"
#: How to get what is missing.
INSTALL = "pip install 'qae_sim[docs]'"

#: What the lessons need besides the packages of Pyodide, as wheels in the site: nothing is fetched from an index.
PACKAGES = (
    *("qae_sim", "anywidget", "array-api-compat", "click", "comm", "ipywidgets", "jupyterlab_widgets"),
    *("latex2mathml", "lazy-loader", "markdown-it-py", "mdurl", "psygnal", "rich", "typing_extensions"),
)
_EXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "@jupyterlite/pyodide-kernel-extension", "anywidget")
_KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"
_KERNELSPEC = {"display_name": "Python (Pyodide)", "language": "python", "name": "python"}
_INSTALL_CELL = """\
# Python runs in your browser. This gets the package, once a session. Some checks of claims need python-flint, which
# only runs outside: what they found before is quoted, and the cell says so; the others run here, on exact fractions.
%pip install -q qae_sim[lessons]"""
#: Times of all files, so that two builds are the same: 1980, the earliest that a zip archive can name.
_EPOCH = 315532800
_SECONDS = 300


def lite_missing() -> list[str]:
    """List the packages that a build needs and this Python does not have.

    Returns:
        Their names, as package indexes know them.
    """
    needed = ("jupyterlite_core", "jupyterlite_pyodide_kernel", "jupyter_server", "anywidget", "ipywidgets")
    return [name.replace("_", "-") for name in needed if importlib.util.find_spec(name) is None]


def write_lite(notebooks: Sequence[Path], folder: Path, pyodide: str, results: Sequence[VerifiedClaim]) -> Path:
    """Write a JupyterLab that runs in the browser, with all lessons as notebooks.

    It holds whatever it installs but Pyodide, and the browser asks no package index for the rest. The same
    installation gives the same bytes.

    Args:
        notebooks: The lessons.
        folder: Folder of the site; what was in its folder ``lite`` is replaced.
        pyodide: Address of Pyodide (:func:`qae_sim.site.pyodide.place`): absolute, or relative to ``folder``.
        results: What the checks of the claims have found, because there they cannot be run.

    Returns:
        The page that opens it. A browser loads it from a web server only, not from a disk.

    Raises:
        OSError: The folder cannot be written.
        RuntimeError: JupyterLite failed; the message has the details.
        ValueError: A package that it holds is missing or has changed since it was installed.
    """
    target = folder.absolute() / LITE
    if target.exists():
        shutil.rmtree(target)
    with tempfile.TemporaryDirectory() as made:
        source = Path(made)
        _write_sources(source, notebooks, target, pyodide, results)
        done = subprocess.run(
            [sys.executable, "-m", "jupyterlite_core", "build"],
            cwd=source,
            env=os.environ | {"JUPYTERLITE_DIR": made, "PYTHONHASHSEED": "0"},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    page = target / "lab" / "index.html"
    if done.returncode or not page.exists():
        raise RuntimeError(f"JupyterLite says: {(done.stderr or done.stdout).strip()[-2000:]}")
    write_atomically(target / LOCK.name, LOCK.read_bytes())
    return page


def _write_sources(
    source: Path, notebooks: Sequence[Path], target: Path, pyodide: str, results: Sequence[VerifiedClaim]
) -> None:
    """Write the files from which JupyterLite is built."""
    found = {f"qae_sim/theory/{FOUND_BEFORE.name}": described(results)}
    wheels = [pure_wheel(package, found if package == "qae_sim" else {}) for package in PACKAGES]
    (source / "wheels").mkdir()
    for wheel in wheels:
        (source / "wheels" / wheel.name).write_bytes(wheel.content)
    (source / "files").mkdir()
    for path in notebooks:
        (source / "files" / path.name).write_text(_for_the_browser(path), encoding="utf-8")
    installed = Path(sys.prefix) / "share" / "jupyter" / "labextensions"
    for name in _EXTENSIONS:
        shutil.copytree(installed / name, source / "extensions" / name)
    build = {
        "LiteBuildConfig": {
            "apps": ["lab"],
            "ignore_sys_prefix": ["federated_extensions"],  # only those that the lessons need
            "no_libarchive": True,
            "no_sourcemaps": True,
            "no_unused_shared_packages": True,
            "output_dir": str(target),
            "source_date_epoch": _EPOCH,
        },
        "FederatedExtensionAddon": {"extra_labextensions_path": [str(source / "extensions")]},
        "PipliteAddon": {"piplite_urls": [f"wheels/{wheel.name}" for wheel in wheels]},
    }
    # The page is two folders below the site's.
    address = pyodide if "://" in pyodide else f"../../{pyodide}"
    settings = {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {
            "appName": "qae_sim",
            "litePluginSettings": {
                _KERNEL: {
                    "disablePyPIFallback": True,
                    "loadPyodideOptions": {"lockFileURL": f"./{LOCK.name}"},
                    "pyodideUrl": f"{address}pyodide.js",
                }
            },
        },
    }
    look = {
        "@jupyterlab/filebrowser-extension:browser": {"showLastModifiedColumn": False},
        "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    }
    for name, values in {
        "jupyter_lite_config.json": build,
        "jupyter-lite.json": settings,
        "overrides.json": look,
    }.items():
        (source / name).write_text(json.dumps(values, indent=2), encoding="utf-8")


def _for_the_browser(path: Path) -> str:
    """Give a lesson the kernel that runs in the browser, and a first cell that installs what it needs."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"]["kernelspec"] = _KERNELSPEC
    install: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "install",
        "metadata": {},
        "outputs": [],
        "source": _INSTALL_CELL,
    }
    notebook["cells"].insert(1, install)  # below the title
    return json.dumps(notebook, ensure_ascii=False, indent=1)
