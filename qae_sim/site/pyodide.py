"""Which Pyodide, Python for browsers, the site uses: its version, its address, and the hash of every file of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from qae_sim.arrays import invalid
from qae_sim.storage import write_atomically

#: The version.
VERSION = "0.27.7"
#: Where its makers publish it.
ADDRESS = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/"
#: SHA-256 of the files that are no packages.
CORE: Mapping[str, str] = MappingProxyType(
    {
        "pyodide.asm.js": "6b4c90de5b7172873f04f21884d0e9d2274e305fe32116558fe3e4fbe3618d51",
        "pyodide.asm.wasm": "a50dd1843f805a0b7c45b61037ee0d7b26dfe85efe0e18ef95a34ad24e401f5f",
        "pyodide.js": "b4cb23a53aba19c221659b9fb40a2f18281d685691dc06647fb0afd0681baf98",
        "pyodide.mjs": "04c052c815abb0bf2981fa38c2dfa58e3120ee5288c956df2b2a15e301782c5f",
        "python_stdlib.zip": "16611534726e5d8ac2bd8f926410b2dcb8d6f49aa24913463533b457a2115c16",
    }
)
#: Size in bytes of what is loaded before Python can do anything in a page, for its progress bar.
STARTS: Mapping[str, int] = MappingProxyType(
    {
        "pyodide.js": 14_913,
        "pyodide.asm.js": 1_255_688,
        "pyodide.asm.wasm": 10_105_545,
        "python_stdlib.zip": 2_360_737,
        "numpy-2.0.2-cp312-cp312-pyodide_2024_0_wasm32.whl": 3_061_133,
    }
)
#: Of Pyodide's lock file, the packages that the lessons need, each with its SHA-256: browsers refuse any other bytes.
LOCK = Path(__file__).parent / "pyodide-lock.json"


def hashes() -> dict[str, str]:
    """List every file that the site uses.

    Returns:
        SHA-256 by file name.

    Example:
        >>> len(hashes()) > 30
        True
    """
    packages = json.loads(LOCK.read_text(encoding="utf-8"))["packages"].values()
    return {**CORE, **{package["file_name"]: package["sha256"] for package in packages}}


def place(pyodide: str, folder: Path) -> str:
    """Find Pyodide, or copy it into a site, for a network without internet.

    Args:
        pyodide: Its address; or a folder that has its files, such as an unpacked release of this version.
        folder: The folder of the site.

    Returns:
        Its address, which ends with "/": the given one, or relative to the site.

    Raises:
        OSError: The folder cannot be read, or the site cannot be written.
        ValueError: A file is missing in the folder, or is not the one of this version.

    Example:
        >>> place("https://127.0.0.1/pyodide", Path())
        'https://127.0.0.1/pyodide/'
    """
    if pyodide.startswith(("http://", "https://")):
        return pyodide.rstrip("/") + "/"
    source = Path(pyodide)
    for name, expected in hashes().items():
        path = source / name
        if not path.is_file():
            raise invalid("pyodide", pyodide, f"an address, or a folder with Pyodide {VERSION}; it has no {name}")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != expected:
            raise invalid("pyodide", pyodide, f"a folder with Pyodide {VERSION}; another {name} is in it")
        (folder / "pyodide").mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "pyodide" / name, content)
    return "pyodide/"
