"""The server behind ``qae-sim lab --voila``: lessons as pages without code, only for those who have its token.

Voilà answers any Host header, so that another site's page could reach it under its own name (DNS rebinding), and it
serves pictures in the folder to everybody. This server answers only to allowed names, and everything but the style of
the login page needs a token, which is made and printed at the start.
"""

from __future__ import annotations

import html
import re
import webbrowser
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from tornado.routing import HostMatches
from tornado.web import ErrorHandler, authenticated
from traitlets import List, Unicode
from voila.app import Voila
from voila.static_file_handler import AllowListFileHandler

#: Names that a machine has for itself.
LOCAL = ("localhost", "127.0.0.1", "[::1]")


class _Files(JupyterHandler, AllowListFileHandler):  # type: ignore[misc]
    """Files next to the lessons; they need the token, too."""

    @authenticated
    async def get(self, path: str, include_body: bool = True) -> None:
        await AllowListFileHandler.get(self, path, include_body)


class LessonPages(Voila):  # type: ignore[misc]
    """A Voilà server that checks the Host header and opens the browser with the token."""

    hosts = List(Unicode(), help="Names that requests may ask for, besides those of this machine.").tag(config=True)

    def init_handlers(self) -> list[Any]:
        """Answer requests for the names that are allowed, and no others."""
        handlers = [
            (pattern, _Files if handler is AllowListFileHandler else handler, *rest)
            for pattern, handler, *rest in super().init_handlers()
        ]
        names = "|".join(re.escape(name.lower()) for name in (*LOCAL, *self.hosts))
        return [(HostMatches(f"({names})$"), handlers), (r".*", ErrorHandler, {"status_code": 403})]

    def launch_browser(self) -> None:
        """Open a browser through a file that only this user can read: everybody can read command lines."""
        url = html.escape(f"{self.connection_url}?token={self.identity_provider.token}")
        page = Path(self.connection_dir) / "open.html"
        page.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={url}">')
        try:
            webbrowser.get(self.browser or None).open(page.as_uri(), new=self.webbrowser_open_new)
        except webbrowser.Error as error:
            self.log.warning("No web browser found: %s.", error)


if __name__ == "__main__":
    LessonPages.launch_instance()
