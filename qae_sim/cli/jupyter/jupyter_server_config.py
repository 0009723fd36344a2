"""Settings of the server behind ``qae-sim lab``.

A slider's answer is a small message, and small messages wait up to 40 ms for the acknowledgement of the one before
(Nagle's algorithm against delayed acknowledgements). A picture that follows a slider cannot wait that long.
"""

from typing import Any

from jupyter_server.services.kernels import websocket

_Handler: Any = websocket.KernelWebsocketHandler
_open = _Handler.open


async def _open_at_once(self: Any, kernel_id: str) -> None:
    """Open the connection to a kernel without delaying small messages."""
    self.set_nodelay(True)
    await _open(self, kernel_id)


_Handler.open = _open_at_once
