"""The HTTP under the providers: one pool each, timeouts that hold, and which failures come before anything was sent."""

import aiohttp

# Raised before a byte of the request was written: nobody can have taken it.
UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)

LONGEST_WAIT = 300.0  # seconds; a proxy's "come back tomorrow" must not hold back an alert


def pool(timeout: float, connections: int, watch: aiohttp.TraceConfig | None = None) -> aiohttp.ClientSession:
    """Connections to one provider. Made inside a running loop; `timeout` is in seconds, for a whole call."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        timeout=aiohttp.ClientTimeout(total=timeout, sock_connect=timeout / 2),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[watch] if watch else [],
    )


def seconds(header: str | None) -> float:
    """How long a Retry-After asks us to wait; 0 when it says nothing that can be read."""
    written = (header or "").strip()
    return min(float(written), LONGEST_WAIT) if written.replace(".", "", 1).isdecimal() else 0.0
