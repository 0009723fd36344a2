"""Text from outside on a terminal: prompts, paths, names of columns, and messages that contain them."""

from __future__ import annotations

import unicodedata

from rich.text import Text

# These join letters in Persian words, and emoji.
_JOINERS = "\u200c\u200d"


def printable(words: object) -> str:
    r"""Show characters that a terminal would obey as visible escapes, on one line.

    These are control characters (which begin escape sequences), line ends, and marks that reverse the direction of
    writing; lone surrogates, which cannot be printed, are escaped, too.

    Args:
        words: Text, or an object with a text, such as a path or an exception.

    Returns:
        The text; letters, signs and spaces of all languages stay as they are.

    Example:
        >>> printable("Größe\x1b[2J [bold]\n")
        'Größe\\x1b[2J [bold]\\n'
    """
    return "".join(
        character if _is_harmless(character) else character.encode("unicode_escape").decode()
        for character in str(words)
    )


def shown(words: object, style: str = "") -> Text:
    """Prepare text from outside for a rich console: its control characters, markup and emoji codes have no effect.

    Args:
        words: Text, or an object with a text.
        style: Style to print it in.

    Returns:
        The text.

    Example:
        >>> shown("[bold]:smile:").plain
        '[bold]:smile:'
    """
    return Text(printable(words), style=style)


def _is_harmless(character: str) -> bool:
    """Tell whether a character can be printed as it is; of spaces, ``isprintable`` allows only the ordinary one."""
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"
