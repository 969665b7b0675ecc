"""Read where the machine gets its Debian packages from: the mirror's address is known nowhere else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.private_engine.errors import COULD_NOT_RUN, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEFAULT_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
USABLE_SCHEMES = ("http://", "https://", "file:", "copy:")


@dataclass(frozen=True)
class AptSource:
    """One address with its suites and components, as sources.list(5) describes them."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    keyring: str = DEFAULT_KEYRING

    def as_deb822(self) -> str:
        fields = {
            "Types": "deb",
            "URIs": self.uri,
            "Suites": " ".join(self.suites),
            "Components": " ".join(self.components),
            "Signed-By": self.keyring,
        }
        return "".join(f"{name}: {value}\n" for name, value in fields.items())


def parse_deb822(text: str) -> list[AptSource]:
    """Parse a `.sources` file: paragraphs of fields, continuation lines, `#` comments, `Enabled: no`."""
    lines = [line.rstrip() for line in text.splitlines() if not line.startswith("#")]
    sources = []
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines)):
        fields = _parse_fields(paragraph)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in {"no", "false"}:
            continue
        sources += [
            AptSource(
                uri,
                tuple(fields.get("suites", "").split()),
                tuple(fields.get("components", "").split()),
                _keyring(fields.get("signed-by", "")),
            )
            for uri in fields.get("uris", "").split()
        ]
    return sources


def _parse_fields(paragraph: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in paragraph.splitlines():
        if line[:1].isspace():
            fields[name] = f"{fields.get(name, '')}\n{line.strip()}"
            continue
        name, _, value = line.partition(":")
        name = name.strip().lower()
        fields[name] = value.strip()
    return fields


def _keyring(signed_by: str) -> str:
    """Take the first key file; a fingerprint or a key written inline cannot be handed to debootstrap."""
    files = [word for word in re.split(r"[\s,]+", signed_by) if word.startswith("/")]
    return files[0] if files else DEFAULT_KEYRING


def parse_one_line(text: str) -> list[AptSource]:
    """Parse a `.list` file: `deb [options] uri suite component...`."""
    pattern = re.compile(r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.*)$")
    sources = []
    for line in text.splitlines():
        match = pattern.match(line.partition("#")[0].strip())
        if match:
            options = dict(option.partition("=")[::2] for option in (match["options"] or "").split())
            sources.append(
                AptSource(
                    match["uri"],
                    (match["suite"],),
                    tuple(match["components"].split()),
                    _keyring(options.get("signed-by", "")),
                )
            )
    return sources


def read_apt_sources(folder: Path = Path("/etc/apt")) -> list[AptSource]:
    """Read all apt sources of the machine, in apt's order, mirror lists resolved to their first address."""
    classic = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.list"))]
    sources = [source for path in classic if path.is_file() for source in parse_one_line(path.read_text())]
    for path in sorted((folder / "sources.list.d").glob("*.sources")):
        sources += parse_deb822(path.read_text())
    return list(_resolve_mirror_lists(sources))


def _resolve_mirror_lists(sources: Iterable[AptSource]) -> Iterator[AptSource]:
    """Replace `mirror+file:` addresses, which Debian's cloud images use, by what their file names first."""
    for source in sources:
        uri = source.uri
        if uri.startswith("mirror+file:"):
            path = Path("/" + uri.removeprefix("mirror+file:").lstrip("/"))
            words = path.read_text().split() if path.is_file() else []
            uri = next((word for word in words if word.startswith(USABLE_SCHEMES)), "")
        if uri.startswith(USABLE_SCHEMES):
            yield AptSource(uri, source.suites, source.components, source.keyring)


def find_archive(sources: Iterable[AptSource], codename: str) -> AptSource:
    """Return the source of Debian's main archive: the one that offers the machine's own suite."""
    aliases = {codename, "stable", "oldstable", "testing", "unstable", "sid"}
    for source in sources:
        if "main" in source.components and aliases & set(source.suites):
            return source
    raise EngineError(
        f"no apt source of this machine offers Debian's suite {codename!r}",
        hint="Add Debian's archive to /etc/apt/sources.list.d and try again.",
        code=COULD_NOT_RUN,
    )


def find_security(sources: Iterable[AptSource]) -> AptSource | None:
    """Return the source of Debian's security updates, if the machine uses them."""
    for source in sources:
        if any(suite.endswith("-security") for suite in source.suites):
            return source
    return None


def sources_for_suite(sources: Iterable[AptSource], codename: str, suite: str) -> list[AptSource]:
    """Return what a Debian system of another suite would have: archive, updates, and security where the machine has."""
    known = list(sources)
    archive, security = find_archive(known, codename), find_security(known)
    result = [AptSource(archive.uri, (suite, f"{suite}-updates"), ("main",))]
    if security:
        result.append(AptSource(security.uri, (f"{suite}-security",), ("main",)))
    return result
