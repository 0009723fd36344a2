"""Words that are not ours, on a terminal: prompts, paths, names of columns, messages about them."""

from __future__ import annotations

import unicodedata

from rich.text import Text

# Persian words and emoji are joined by these.
_JOINERS = "\u200c\u200d"


def printable(words: object) -> str:
    r"""Show what a terminal would obey as visible escapes, on one line.

    That is all control characters (of which escape sequences are made), line ends, marks that reverse the direction of
    writing, and halves of characters, which cannot be printed at all.

    Args:
        words: Text, or something that has a text, such as a path or an exception.

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
    """Words that are not ours for a rich console: nothing in them is a control character, markup or an emoji code.

    Args:
        words: Text, or something that has a text.
        style: How to print them.

    Returns:
        The words.

    Example:
        >>> shown("[bold]:smile:").plain
        '[bold]:smile:'
    """
    return Text(printable(words), style=style)


def _is_harmless(character: str) -> bool:
    """Whether a character stands for itself; ``isprintable`` holds the space for the only one."""
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"
