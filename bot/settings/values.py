"""What a single setting may look like, and how it is written once it is ours."""

from __future__ import annotations

import re
import tempfile
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

TWILIO_API = "https://api.twilio.com"
SLACK_API = "https://slack.com/api/"


def _database(url: str) -> str:
    url = re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", url)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise ValueError("give sqlite:///file.db or postgresql://user:password@host/name") from None
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ValueError(f"{parsed.drivername} is not supported; give sqlite:/// or postgresql://")
    if parsed.drivername == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValueError("SQLite in memory would forget everything at a restart; name a file: sqlite:///muster.db")
    return url


def _web_address(url: str) -> str:
    if url and (not host_of(url) or re.search(r"\s", url)):
        raise ValueError("give a whole address, as in https://muster.example.org")
    return url.rstrip("/")


def _callback_address(url: str) -> str:
    url = _web_address(url)
    if re.search("[?#]", url):
        raise ValueError("leave out what follows ? or #; callback paths are added to it")
    if "_" in host_of(url):
        raise ValueError("Twilio refuses callbacks to a host name with an underscore")
    return url


def _slack_address(url: str) -> str:
    url = _web_address(url)
    if not url.endswith("/api"):
        raise ValueError(f"must end with /api/, as in {SLACK_API}")
    return url + "/"


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: "America" is a folder of zones
        raise ValueError(f"{name!r} is no time zone; write it as in America/Chicago") from None
    return name


def _apprise_urls(written: Any) -> Any:
    if not isinstance(written, str):
        return written
    # A comma may be part of an Apprise address, so only one that stands before the next scheme separates.
    urls = tuple(re.split(r"[\s,]+(?=[a-z][a-z0-9+.-]*://)", written.strip()))
    for place, url in enumerate(urls, start=1):
        if "://" not in url or "{to}" not in url:
            raise ValueError(f"address {place} is no Apprise URL with {{to}} where the number belongs")
    return urls


def _source_secret_pairs(written: Any) -> Any:
    if not isinstance(written, str):
        return written
    pairs = [pair.strip().partition(":") for pair in written.split(",") if pair.strip()]
    for place, (source, _, secret) in enumerate(pairs, start=1):
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", source) or not secret:
            raise ValueError(f"pair {place} is not written source:secret, as in alertmanager:s3cret")
    if len({source for source, _, _ in pairs}) < len(pairs):
        raise ValueError("a source is named twice")
    return {source: secret for source, _, secret in pairs}


def _writable_folder(path: str) -> str:
    """Made if it is not there, and tried, since its first use comes when nothing else works any more."""
    try:
        Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as trial:
            trial.write(b"x")
    except OSError as error:
        reason = f"{path} cannot be written ({error.strerror})"
        raise ValueError(f"{reason}, but what comes in while the database is away is kept there") from None
    return path


DatabaseUrl = Annotated[str, AfterValidator(_database)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
PublicUrl = Annotated[str, AfterValidator(_callback_address)]
SlackUrl = Annotated[str, AfterValidator(_slack_address)]
TimeZone = Annotated[str, AfterValidator(_known_zone)]
AppriseUrls = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_apprise_urls)]
WritableFolder = Annotated[str, AfterValidator(_writable_folder)]
HookTokens = Annotated[dict[str, str], NoDecode, BeforeValidator(_source_secret_pairs)]


def host_of(url: str) -> str:
    """The host of an http address, `""` when it is not one."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is no number, a bracket left open
        return ""
    return (parts.hostname or "") if usable else ""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def first_letters(name: str) -> str:
    """The short name that is used when none is given."""
    return "".join(filter(str.isalnum, name))[:8].upper()


def beside(database_url: str) -> str:
    """Where the spool lies when no place is given; named after the file, so that two databases never share one."""
    path = sqlite_path(database_url)
    return str(path.with_suffix(".spool")) if path else "spool"


def sqlite_path(database_url: str) -> Path | None:
    """The file of a SQLite address, None for another database."""
    url = make_url(database_url)
    return Path(url.database) if url.drivername == "sqlite" and url.database else None
