"""Installed packages as wheels for Python in a browser: pure, the same bytes each time, made without a network."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from types import MappingProxyType

import qae_sim

#: The earliest time that a zip archive can name: files in wheels have it, so that the same files give the same bytes.
_WHEN = (1980, 1, 1, 0, 0, 0)
_OF_AN_INSTALLATION = {"INSTALLER", "METADATA", "REQUESTED", "RECORD", "WHEEL", "direct_url.json"}
_ROOT = Path(qae_sim.__file__).parent


@dataclass(frozen=True)
class Wheel:
    """A wheel in memory.

    Attributes:
        name: Its file name.
        content: Its bytes.
    """

    name: str
    content: bytes


def pure_wheel(package: str, more: Mapping[str, bytes] = MappingProxyType({})) -> Wheel:
    """Pack an installed package as a wheel of pure Python.

    Each file must be what the package's own record says; compiled modules are left out where their source is there.

    Args:
        package: Name of the package.
        more: Files that it holds besides its own.

    Returns:
        The wheel; the same installation gives the same bytes.

    Raises:
        ValueError: The package is not installed, one of its files has changed since, or it has a compiled module
            without a source.

    Example:
        >>> pure_wheel("click").name.startswith("click-")
        True
    """
    try:
        found = distribution(package)
    except PackageNotFoundError:
        raise ValueError(f"package must be installed, got {package!r}") from None
    files = _own_files() if package == "qae_sim" else _recorded_files(found)
    files |= more
    stem = f"{package.replace('-', '_')}-{found.version}"
    info = f"{stem}.dist-info"
    files[f"{info}/METADATA"] = (found.read_text("METADATA") or "").encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: qae_sim\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(f"{name},sha256={_digest(files[name])},{len(files[name])}\n" for name in sorted(files))
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return Wheel(f"{stem}-py3-none-any.whl", packed.getvalue())


def _digest(content: bytes) -> str:
    """Write a SHA-256 as records of wheels do."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _own_files() -> dict[str, bytes]:
    """Read the files of this package where they are: a clone, installed to be edited, records none."""
    return {
        f"qae_sim/{path.relative_to(_ROOT).as_posix()}": path.read_bytes()
        for path in _ROOT.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and _travels(path.relative_to(_ROOT))
    }


def _travels(path: Path) -> bool:
    """Whether lessons in a browser can use a file: not tools of this repository, nor the lessons themselves."""
    return path.parts[0] not in ("dev", "notebooks") and path.parts[:2] != ("page", "web")


def _recorded_files(found: Distribution) -> dict[str, bytes]:
    """Read the files that an installed package records, and check them."""
    files: dict[str, bytes] = {}
    paths = {path.as_posix(): path for path in found.files or ()}
    for name, path in paths.items():
        if path.parts[0] in ("..", "/") or "__pycache__" in path.parts:
            continue
        if path.parts[0].endswith(".dist-info") and path.name in _OF_AN_INSTALLATION:
            continue
        if path.suffix in (".so", ".pyd"):
            source = f"{name.partition('.')[0]}.py"
            if source not in paths and "__mypyc" not in path.name:
                raise ValueError(f"package must be pure Python, but {name} has no source in {found.name}")
            continue
        content = Path(str(found.locate_file(path))).read_bytes()
        if path.hash is not None and path.hash.value != _digest(content):
            raise ValueError(f"package must be as it was installed, but {name} of {found.name} has changed")
        files[name] = content
    return files
