"""Links to the explorers' states, to be clicked or photographed."""

from __future__ import annotations

import html

from qae_sim.explorers.explorer import address_of
from qae_sim.site.explorers import explorers_with_pages


def links(site: str) -> str:
    """Write a page with a link and a QR code for each state from which an explorer can start.

    Args:
        site: Address of the top of the site that ``qae-sim site`` wrote.

    Returns:
        HTML.

    Example:
        >>> "https://class.example/explorers/QuantileGate.html" in links("https://class.example/")
        True
    """
    import segno

    rows = []
    for kind in explorers_with_pages():
        rows.append(f"<h2>{kind.__name__}</h2>")
        for name, state in kind.PRESETS.items():
            url = f"{site.rstrip('/')}/{address_of(kind, state)}"
            code = segno.make(url, error="m", micro=False).svg_inline(scale=3, border=4, light="white")
            link = f'<a href="{html.escape(url)}">{html.escape(name)}</a><br>{html.escape(url)}'
            rows.append(f"<figure>{code}<figcaption>{link}</figcaption></figure>")
    style = (
        "body { font: 16px/1.4 system-ui, sans-serif; margin: 1.5em; color-scheme: light dark; } "
        "figure { display: inline-block; width: 15em; vertical-align: top; margin: 0.5em; overflow-wrap: anywhere; "
        "break-inside: avoid; font-size: 0.8em; }"
    )
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{style}</style>'
    title = "Explorers and where they start"
    return (
        f'<!doctype html><html lang="en"><head>{head}<title>{title}</title></head>'
        f"<body><h1>{title}</h1>{''.join(rows)}</body></html>\n"
    )
