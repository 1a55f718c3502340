"""Who may ask: programs of this machine, under the address that was printed, from pages of this server alone.

Any page in the same browser can send requests to a loopback address, and a name of an attacker can be made to lead
there (DNS rebinding). So the Host header must be a loopback name with the right port, and whatever changes something
must name this very origin as its own. The secret first part of every path keeps out other users of the machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


class Guard:
    """Refuses what does not come from the page of this server, and keeps browsers strict with what it answers."""

    def __init__(self, app: ASGIApp, *, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        if port == 80:
            self._hosts |= {"127.0.0.1", "localhost", "[::1]"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        fault = self._fault(scope["method"], Headers(scope=scope))
        answer = self._app if fault is None else PlainTextResponse(f"{fault}\n", status_code=403)
        await answer(scope, receive, send_strictly)

    def _fault(self, method: str, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if host.lower() not in self._hosts:
            return "This page answers only under the loopback address that maskreel web has printed."
        if method in ("GET", "HEAD"):
            return None
        if headers.get("origin") != f"http://{host}" or headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return "Only the page of this server may ask for that."
        return None
