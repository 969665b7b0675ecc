"""Run inside a build: can the package sources that this image uses be reached? Prints one JSON document.

It is copied into the build as text, so it stands alone, and it runs with the Python of any base image.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import socket
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

SECONDS = 15
AGAIN_SECONDS = 5.0
"""How long a name is asked for again where the server says to: one lost packet is no broken network."""
PIP_FILES = ("/etc/pip.conf", "/etc/xdg/pip/pip.conf", "~/.config/pip/pip.conf", "~/.pip/pip.conf")


def pip_option(name: str) -> str | None:
    """Return what pip is told by variables or files, None where nothing says it."""
    value = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    files = [f"{sys.prefix}/pip.conf", os.environ.get("PIP_CONFIG_FILE") or ""]
    parser = configparser.RawConfigParser()
    parser.read([Path(path).expanduser() for path in (*PIP_FILES, *files) if path])
    for section in ("global", "install"):
        if value is None and parser.has_option(section, name):
            value = parser.get(section, name)
    return value


def python_index() -> str | None:
    """Return the package index that pip would ask."""
    chosen = pip_option("index-url") or os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL")
    if chosen:
        return chosen.strip()
    try:
        from pip._internal.models.index import PyPI  # noqa: PLC0415  # where there is pip
    except ImportError:
        return None
    return str(PyPI.simple_url)


def apt_source() -> str | None:
    """Return the first archive that apt would ask."""
    texts = []
    for path in (*sorted(Path("/etc/apt/sources.list.d").glob("*")), Path("/etc/apt/sources.list")):
        try:
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue
    found = re.search(r"^(?:deb(?:\s+\[[^\]]*\])?|URIs:)\s+(https?://\S+)", "\n".join(texts), re.MULTILINE)
    return found.group(1) if found else None


def look_up(host: str, port: int) -> tuple[list[str], str | None]:
    """Return the host's addresses, or why it has none."""
    deadline = time.monotonic() + AGAIN_SECONDS
    while True:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return sorted({str(answer[4][0]) for answer in answers}), None
        except OSError as error:
            if not may_pass(error) or time.monotonic() > deadline:
                return [], str(error)
            time.sleep(0.5)


def may_pass(error: object) -> bool:
    """Tell whether a name server asks to try again."""
    return isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN


def fetch(url: str, attempts: int = 5) -> dict[str, Any]:
    """Ask for the headers, as pip would; return what came, or the kind of failure and its words."""
    authorities = pip_option("cert")
    try:
        context = ssl.create_default_context(cafile=authorities)
    except OSError as error:
        return {"failure": "certificate", "said": f"{authorities}: {error.strerror or error}"}
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    if not url.startswith(("https://", "http://")):
        return {"failure": "connection", "said": "the address is neither http nor https"}
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "docker_doctor"})  # noqa: S310  # as above
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            return {"status": answer.status, "date": answer.headers.get("Date")}
    except urllib.error.HTTPError as error:
        return {"status": error.code, "date": error.headers.get("Date")}
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        if may_pass(reason) and attempts > 1:
            time.sleep(0.5)
            return fetch(url, attempts - 1)
        kind = "certificate" if isinstance(reason, ssl.SSLCertVerificationError) else "connection"
        return {"failure": kind, "said": str(reason)}


def probe(what: str, url: str) -> dict[str, Any]:
    """Return what became of one source; a password in its address is not told."""
    parts = urllib.parse.urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and urllib.request.proxy_bypass(parts.hostname or ""):
        proxy = None
    addresses, problem = look_up(parts.hostname or "", port)
    shown = re.sub(r"//[^/@]*@", "//", proxy or "") or None
    result: dict[str, Any] = {
        "what": what,
        "host": parts.hostname,
        "port": port,
        "proxy": shown,
        "lookup": problem,
    }
    if addresses or proxy:
        result.update(fetch(url))
    return result


def main() -> None:
    """Print the document."""
    sources = (("Python packages", python_index()), ("system packages", apt_source()))
    results = [probe(what, url) for what, url in sources if url]
    json.dump({"time": time.time(), "sources": results}, sys.stdout)


if __name__ == "__main__":
    main()
