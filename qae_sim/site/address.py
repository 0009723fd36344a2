"""The public address of the project, and all links that depend on it; without an address there are no links.

The address is one setting, ``[tool.qae_sim] repository`` in pyproject.toml. An installed package reads it from its
metadata, the project URL ``Repository``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from urllib.parse import quote, urlencode, urlsplit


@dataclass(frozen=True)
class Address:
    """The public address of the repository; if it is empty, so are all links.

    Attributes:
        repository: Such as ``https://github.com/owner/name``, or empty.

    Example:
        >>> Address("https://github.com/owner/name").site
        'https://owner.github.io/name/'
        >>> Address("").site
        ''
    """

    repository: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "repository", self.repository.strip().rstrip("/").removesuffix(".git"))

    def __bool__(self) -> bool:
        return bool(self.repository)

    @property
    def _owner_and_name(self) -> tuple[str, str] | None:
        """Owner and name of the repository on GitHub; None for other hosts."""
        parts = urlsplit(self.repository)
        owner, _, name = parts.path.strip("/").partition("/")
        return (owner, name) if parts.hostname == "github.com" and name else None

    @property
    def site(self) -> str:
        """Link to the pages of ``qae-sim site`` on GitHub Pages; empty for other hosts."""
        if self._owner_and_name is None:
            return ""
        owner, name = self._owner_and_name
        return f"https://{owner.lower()}.github.io/{name}/"

    def binder(self, path: str = "") -> str:
        """Make a link to a live JupyterLab on Binder; empty for hosts other than GitHub.

        Args:
            path: The notebook to open, from the root of the repository; empty opens JupyterLab.

        Returns:
            The link.

        Example:
            >>> Address("https://github.com/owner/name").binder("notebooks/00_index.ipynb")
            'https://mybinder.org/v2/gh/owner/name/HEAD?urlpath=lab/tree/notebooks/00_index.ipynb'
        """
        if self._owner_and_name is None:
            return ""
        owner, name = self._owner_and_name
        start = f"lab/tree/{path}" if path else "lab"
        return f"https://mybinder.org/v2/gh/{owner}/{name}/HEAD?urlpath={quote(start)}"

    def colab(self, path: str) -> str:
        """Make a link to a notebook on Colab; empty for hosts other than GitHub.

        Args:
            path: The notebook, from the root of the repository.

        Returns:
            The link.

        Example:
            >>> Address("https://github.com/owner/name").colab("notebooks/00_index.ipynb")
            'https://colab.research.google.com/github/owner/name/blob/HEAD/notebooks/00_index.ipynb'
        """
        if self._owner_and_name is None:
            return ""
        owner, name = self._owner_and_name
        return f"https://colab.research.google.com/github/{owner}/{name}/blob/HEAD/{quote(path)}"

    def hub(self, path: str, server: str) -> str:
        """Make a link with which nbgitpuller copies the repository to a JupyterHub and opens a notebook there.

        Args:
            path: The notebook, from the root of the repository.
            server: Address of the JupyterHub, such as ``https://127.0.0.1``.

        Returns:
            The link; empty without an address.

        Example:
            >>> Address("https://github.com/owner/name").hub("notebooks/a.ipynb", "https://127.0.0.1")
            'https://127.0.0.1/hub/user-redirect/git-pull?repo=https%3A%2F%2Fgithub.com%2Fowner%2Fname&urlpath=lab%2Ftree%2Fname%2Fnotebooks%2Fa.ipynb&branch=main'
        """
        if not self:
            return ""
        folder = self.repository.rpartition("/")[2]  # where nbgitpuller puts it
        query = {"repo": self.repository, "urlpath": f"lab/tree/{folder}/{path}", "branch": "main"}
        return f"{server.rstrip('/')}/hub/user-redirect/git-pull?{urlencode(query)}"

    @property
    def install_line(self) -> str:
        """What a notebook elsewhere, such as on Colab, runs first to have what the lessons import.

        Empty without an address.

        Example:
            >>> Address("https://github.com/owner/name").install_line
            '%pip install -q "qae_sim[lessons] @ git+https://github.com/owner/name"'
        """
        return f'%pip install -q "qae_sim[lessons] @ git+{self.repository}"' if self else ""

    def source(self, path: str) -> str:
        """Make a link to read a file.

        Args:
            path: The file, from the root of the repository.

        Returns:
            The link.
        """
        return f"{self.repository}/blob/HEAD/{quote(path)}" if self else ""

    def edit(self, path: str) -> str:
        """Make a link to propose a change of a file.

        Args:
            path: The file, from the root of the repository.

        Returns:
            The link.
        """
        return f"{self.repository}/edit/main/{quote(path)}" if self else ""


def installed_address() -> Address:
    """Read the address from the installed package's metadata.

    Returns:
        The address; empty if none is set.
    """
    try:
        urls = metadata("qae_sim").get_all("Project-URL") or []
    except PackageNotFoundError:
        return Address("")
    named = dict(entry.split(", ", 1) for entry in urls)
    return Address(named.get("Repository", ""))
