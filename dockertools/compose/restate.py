"""Say again, in an overlay, what stays of a list that an overlay must replace: as it was written, variables kept."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dockertools.compose.config import Port, ServiceFacts

LOOPBACK = "127.0.0.1"
_HAS_ADDRESS = re.compile(r"[-?+](?:[^:{}]|\[[^\]]*\])+:\d+:\d+")
_SHORT_PORT = frozenset({"host_ip", "mode", "protocol", "published", "target"})


class NotRestatableError(Exception):
    """What compose makes of a list cannot be brought together with how it is written; the text says why."""


def kept_mounts(facts: ServiceFacts, source: Mapping[str, Any] | None, kept: Iterable[int]) -> list[Any]:
    """Return the entries of `volumes` at the positions `kept`, for an overlay.

    Raises NotRestatableError when the source cannot be read, or its entries do not line up with what they become.
    """
    positions = list(kept)
    if not positions:
        return []
    written = _list_of(source, "volumes")
    effective: Sequence[Mapping[str, Any]] = facts.values.get("volumes") or ()
    if len(written) != len(effective):
        raise NotRestatableError(f"{len(written)} volumes are written, and {len(effective)} come of them")
    return [_mount_entry(written[position], effective[position]) for position in positions]


def loopback_ports(facts: ServiceFacts, source: Mapping[str, Any] | None) -> list[Any]:
    """Return the service's ports, published on loopback alone, for an overlay.

    Raises NotRestatableError as `kept_mounts` does.
    """
    return [_loopback(entry) for entry in _list_of(source, "ports")]


def is_loopback(port: Port) -> bool:
    """Return whether the port can be reached from this machine alone."""
    try:
        return bool(port.host_ip) and ipaddress.ip_address(port.host_ip).is_loopback
    except ValueError:
        return False


def split_outside_braces(text: str, mark: str = ":") -> list[str]:
    """Split at `mark`, except inside `${...}` and `[...]` (an IPv6 address)."""
    parts = [""]
    depth = 0
    for position, character in enumerate(text):
        if character in "{[" and (character == "[" or text[position - 1 : position] == "$"):
            depth += 1
        elif character in "}]" and depth:
            depth -= 1
        if character == mark and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _list_of(source: Mapping[str, Any] | None, key: str) -> list[Any]:
    if source is None:
        raise NotRestatableError("compose cannot show the file without its variables filled in")
    return list(source.get(key) or ())


def _mount_entry(written: Any, effective: Mapping[str, Any]) -> Any:
    if not isinstance(written, Mapping):
        return written
    target = str(written.get("target", ""))
    if "$" not in target and target.rstrip("/") != str(effective.get("target", "")).rstrip("/"):
        raise NotRestatableError(f"{target} is written where {effective.get('target')} comes of it")
    if "source" not in written and "$" in target:
        return target  # the whole entry is a variable: compose takes it apart when it knows the value
    source = written.get("source")
    if effective["type"] == "bind" and isinstance(source, str) and not source.startswith((".", "/", "~", "$")):
        source = f"./{source}"
    if _is_short(effective, str(source or ""), target):
        return ":".join(filter(None, (source, target, "ro" if written.get("read_only") else "")))
    entry = {"type": effective["type"], **{key: value for key, value in written.items() if key != "type"}}
    if source is not None:
        entry["source"] = source
    if not effective.get("volume"):
        entry.pop("volume", None)
    return entry


def _is_short(effective: Mapping[str, Any], source: str, target: str) -> bool:
    """Return whether compose makes the same of `source:target`, so that a variable can still become either kind."""
    if set(effective) - {"type", "source", "target", "read_only", "volume", "bind"}:
        return False
    if len(split_outside_braces(f"{source}:{target}")) != 2 or not source:
        return False
    if effective["type"] == "volume":
        return effective.get("volume") == {}
    return effective["type"] == "bind" and effective.get("bind") == {"create_host_path": True}


def _loopback(entry: Any) -> Any:
    if isinstance(entry, Mapping):
        if set(entry) <= _SHORT_PORT and entry.get("mode", "ingress") == "ingress":
            protocol = entry.get("protocol", "tcp")
            suffix = "" if protocol == "tcp" else f"/{protocol}"
            return f"{LOOPBACK}:{entry.get('published', '')}:{entry['target']}{suffix}"
        return {**entry, "host_ip": LOOPBACK}
    parts = split_outside_braces(str(entry))
    if len(parts) == 1 and "$" in parts[0]:
        if _HAS_ADDRESS.search(parts[0]):
            raise NotRestatableError(
                f"{entry} is an address and a port in one variable, which cannot be put on loopback"
            )
        return f"{LOOPBACK}:{parts[0]}"
    published = parts[-2] if len(parts) > 1 else ""
    return f"{LOOPBACK}:{published}:{parts[-1]}"
