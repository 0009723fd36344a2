"""Put the page together: what it shows without JavaScript, its style and its script, all in one file."""

from __future__ import annotations

from pathlib import Path
from string import Template

_HERE = Path(__file__).parent
_BUILT = _HERE / "built"

#: Name of the page's file.
FILE_NAME = "one_group_one_number.html"


def document(*, site: bool = False) -> str:
    """Write the page, which loads nothing and runs from a disk, a web server or an attachment.

    Args:
        site: Whether it lies beside ``index.html`` of ``qae-sim site``, to whose pages it then links.

    Returns:
        HTML.

    Example:
        >>> document().count("<h1")
        1
    """
    template = Template((_HERE / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        place="site" if site else "alone",
        style=(_HERE / "page.css").read_text(encoding="utf-8"),
        still=(_BUILT / f"still-{'site' if site else 'alone'}.html").read_text(encoding="utf-8"),
        script=(_BUILT / "page.js").read_text(encoding="utf-8"),
    )
