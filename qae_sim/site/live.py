"""Python in the pages of the site: the package as a wheel, the script that runs it, and where Pyodide is."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

from qae_sim.explorers.assets import script
from qae_sim.site.embedded import TOO_OLD, script_data
from qae_sim.site.pyodide import LOCK, STARTS, hashes
from qae_sim.site.wheels import pure_wheel
from qae_sim.storage import write_atomically

#: The folder in the site.
LIVE = "live"
#: The service worker, which keeps pages for visits without a network: it must lie above all of them.
SERVICE = "service.js"
#: What explorers and logs import besides Pyodide's own packages.
PACKAGES = ("qae_sim", "array-api-compat", "lazy-loader")
#: Pyodide's own: what is loaded before anything else, and what is loaded when it is first imported.
AT_START = ("numpy",)
ON_DEMAND = ("scipy", "pandas", "pyarrow", "matplotlib")


def write_live(folder: Path, pyodide: str) -> Path:
    """Write what pages need to run Python in the browser, for what is not stored and for exercises; and the log page.

    Browsers check every file that they load by its SHA-256, and keep it for the next visit. Any web server will do: no
    headers are needed.

    Args:
        folder: Folder of the site.
        pyodide: Address of Pyodide (:func:`qae_sim.site.pyodide.place`): absolute, or relative to ``folder``.

    Returns:
        The file that says what is loaded, and from where.

    Raises:
        OSError: The folder cannot be written.
        ValueError: A package that it holds is missing or has changed since it was installed.
    """
    live = folder / LIVE
    live.mkdir(parents=True, exist_ok=True)
    wheels = [pure_wheel(package) for package in PACKAGES]
    for old in live.glob("*.whl"):
        old.unlink()
    for wheel in wheels:
        write_atomically(live / wheel.name, wheel.content)
    worker, lock = script("python").read_bytes(), LOCK.read_bytes()
    write_atomically(live / "python.js", worker)
    write_atomically(live / LOCK.name, lock)
    packages = json.loads(lock)["packages"]
    pinned = [_file(name, bytes.fromhex(sha256), STARTS.get(name, 0)) for name, sha256 in hashes().items()]
    own = [_file(wheel.name, hashlib.sha256(wheel.content).digest(), len(wheel.content)) for wheel in wheels]
    setup: dict[str, Any] = {
        "pyodide": pyodide if "://" in pyodide else f"../{pyodide}",
        "lock": _file(LOCK.name, hashlib.sha256(lock).digest(), len(lock)),
        "files": pinned,
        "wheels": own,
        "packages": {package: packages[package]["file_name"] for package in AT_START},
        "onDemand": list(ON_DEMAND),
    }
    path = live / "setup.json"
    write_atomically(path, json.dumps(setup, indent=1).encode())
    write_atomically(folder / SERVICE, script("service").read_bytes())
    where = urlsplit(pyodide)
    page = Template((Path(__file__).parent / "log.html").read_text(encoding="utf-8")).substitute(
        pyodide=html.escape(f"{where.scheme}://{where.netloc}" if where.netloc else ""),
        place=f"<div></div>{script_data('log', None)}",
        old=TOO_OLD,
    )
    write_atomically(folder / "log.html", page.encode())
    return path


def _file(name: str, sha256: bytes, size: int) -> dict[str, Any]:
    """Describe a file: its hash as browsers take it, and its size, 0 where it is not loaded at the start."""
    return {"name": name, "integrity": f"sha256-{base64.b64encode(sha256).decode()}", "bytes": size}
