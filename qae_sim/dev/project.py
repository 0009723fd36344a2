"""A checkout of the repository: its folder, version and public address."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from qae_sim.site.address import Address

#: The root of the checkout that this file is part of, if there is one.
HERE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Project:
    """A checkout of the repository.

    Attributes:
        root: Its folder.
        version: The version of its package.
        address: Its public address.
    """

    root: Path
    version: str
    address: Address

    @classmethod
    def of(cls, root: Path) -> Project:
        """Read version and address of a checkout.

        Args:
            root: Its folder.

        Returns:
            The checkout.

        Raises:
            FileNotFoundError: The folder holds no checkout.
        """
        settings, package = root / "pyproject.toml", root / "qae_sim" / "__init__.py"
        if not settings.exists() or not package.exists():
            raise FileNotFoundError(
                f"{root} is no checkout of the project: README.md and other generated files are only in the repository"
            )
        address = tomllib.loads(settings.read_text(encoding="utf-8"))["tool"]["qae_sim"]["repository"]
        version = re.search(r'^__version__ = "(.+)"$', package.read_text(encoding="utf-8"), re.MULTILINE)
        assert version, f"{package} has no __version__"
        return cls(root, version.group(1), Address(address))
