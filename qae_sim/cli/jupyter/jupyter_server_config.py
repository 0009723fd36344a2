"""Settings of the server behind ``qae-sim lab``.

When a slider moves, small messages are sent, and each may wait up to 40 ms for the acknowledgement of the one before
(Nagle's algorithm with delayed acknowledgements). A picture that follows a slider must not wait that long.
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
