"""Services that a project has for one mode alone, by a profile such as `dev` or `production`. Pure."""

from __future__ import annotations

from dockertools.compose.classify import Member
from dockertools.compose.families import MODES, OVERRIDE, WORDS
from dockertools.compose.overlay import Part
from dockertools.compose.yaml_text import Entry

OFF = "not-in-{mode}"
"""The profile that a service gets in the mode that it is not for."""


def is_off(member: Member, mode: str) -> bool:
    """Return whether the service is for the other mode alone."""
    other = "prod" if mode == "dev" else "dev"
    return OFF.format(mode=mode) in member.facts.profiles or (_is_for(member, other) and not _is_for(member, mode))


def is_switched_off(member: Member) -> bool:
    """Return whether an overlay of ours has switched the service off."""
    return any(OFF.format(mode=mode) in member.facts.profiles for mode in MODES)


def profile_part(member: Member, mode: str) -> Part:
    """Switch a service on in its mode, and off in the other, whatever COMPOSE_PROFILES says."""
    if is_off(member, mode):
        name = OFF.format(mode=mode)
        why = f"Its profile ({', '.join(member.facts.profiles)}) is that of the other mode."
        return Part((Entry("profiles", [name], why, "!override"),), ("is off: its profile is the other mode's",))
    if _is_for(member, mode):
        why = f"Its profile ({', '.join(member.facts.profiles)}) is this mode's."
        return Part((Entry("profiles", [], why, "!reset"),), ("is on: its profile is this mode's",))
    return Part()


def _is_for(member: Member, mode: str) -> bool:
    words = set(WORDS[mode]) - {OVERRIDE}
    return any(profile.lower() in words for profile in member.facts.profiles)
