"""What runs in the browser: scripts that are built from ``qae_sim/page/web``, and styles."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def script(name: str) -> Path:
    """Find a script.

    Args:
        name: In a notebook ``"view"`` (an explorer), ``"quiz"`` (a question), ``"derivation"`` or ``"scene"``; in pages
            ``"lesson"``, which is all of them.

    Returns:
        Its file.
    """
    return _HERE / "built" / f"{name}.js"


def style(*names: str) -> str:
    """Read styles, with the colours that all of them share.

    Args:
        *names: ``"view"``, ``"quiz"``, ``"derive"``, which goes with the one before.

    Returns:
        CSS.
    """
    return "".join((_HERE / f"{name}.css").read_text(encoding="utf-8") for name in ("theme", *names))
