"""The server behind ``qae-sim lab --voila``: lessons as pages without code, for those who hold its token alone.

Voilà answers any Host header, so that a page of another site could reach it under a name of its own (DNS rebinding),
and it gives pictures of the folder to whoever asks. Here only names that were agreed on are answered, and a token that
is made at the start, and printed, opens everything but the looks of the login page.
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

#: Names of this machine, for itself.
LOCAL = ("localhost", "127.0.0.1", "[::1]")


class _Files(JupyterHandler, AllowListFileHandler):  # type: ignore[misc]
    """Files that lie beside the lessons; they need the token, too."""

    @authenticated
    async def get(self, path: str, include_body: bool = True) -> None:
        await AllowListFileHandler.get(self, path, include_body)


class LessonPages(Voila):  # type: ignore[misc]
    """Voilà that checks the Host header, and whose browser window knows the token."""

    hosts = List(Unicode(), help="Names, beside those of this machine, that requests may ask for.").tag(config=True)

    def init_handlers(self) -> list[Any]:
        """Answer requests for the names that are allowed, and no others."""
        handlers = [
            (pattern, _Files if handler is AllowListFileHandler else handler, *rest)
            for pattern, handler, *rest in super().init_handlers()
        ]
        names = "|".join(re.escape(name.lower()) for name in (*LOCAL, *self.hosts))
        return [(HostMatches(f"({names})$"), handlers), (r".*", ErrorHandler, {"status_code": 403})]

    def launch_browser(self) -> None:
        """Open a browser by way of a file that only this user can read; command lines can be read by all."""
        url = html.escape(f"{self.connection_url}?token={self.identity_provider.token}")
        page = Path(self.connection_dir) / "open.html"
        page.write_text(f'<!doctype html><meta http-equiv="refresh" content="0; url={url}">')
        try:
            webbrowser.get(self.browser or None).open(page.as_uri(), new=self.webbrowser_open_new)
        except webbrowser.Error as error:
            self.log.warning("No web browser found: %s.", error)


if __name__ == "__main__":
    LessonPages.launch_instance()
