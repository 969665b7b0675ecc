"""Which packages of the builder nothing used. Pure.

That is only certain where nothing was compiled: a header leaves no trace in what was made with it.
"""

from __future__ import annotations

from collections.abc import Iterable

from dockertools.learn.facts import EnvironmentFacts, Package, SystemFacts
from dockertools.learn.proposal import BUILD, KEEP, REMOVE, Line, NamedPackages, change_list
from dockertools.learn.relations import installed_with, make_relations
from dockertools.tables import read_table


def propose_build(
    environment: EnvironmentFacts, builder: SystemFacts, named: NamedPackages
) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """Return what is proposed for BUILD_PACKAGES, and the list as it should be."""
    tools = frozenset(read_table("build_tools")["tools"])
    lines = tuple(_judge(name, environment, builder, tools) for name in named.all)
    removed = {line.package for line in lines if line.action == REMOVE}
    return lines, change_list(named, removed, ())


def _judge(name: str, environment: EnvironmentFacts, builder: SystemFacts, tools: frozenset[str]) -> Line:
    package = builder.packages.get(name)
    if package is None:
        return Line(KEEP, BUILD, name, "not judged: the builder does not have it")
    if not (name in tools or package.has_headers or name.endswith("-dev")):
        return Line(KEEP, BUILD, name, "not judged: it is no compiler and brings no headers")
    if environment.loose_objects:
        place = environment.loose_objects[0]
        return Line(KEEP, BUILD, name, f"not judged: no distribution lists {place}, so that it may have been compiled")
    if environment.compiled:
        return Line(KEEP, BUILD, name, _use_of(package, environment, builder, is_tool=name in tools))
    count = len(environment.distributions)
    return Line(REMOVE, BUILD, name, f"nothing was compiled: all {count} distributions are wheels or plain Python")


def _use_of(package: Package, environment: EnvironmentFacts, builder: SystemFacts, *, is_tool: bool) -> str:
    compiled = ", ".join(sorted(item.name for item in environment.compiled))
    linked = sorted(set(_linked(package, environment, builder)))
    if linked:
        return f"linked into what was compiled: {', '.join(linked)}"
    return f"compiled here: {compiled}" if is_tool else f"not judged: headers leave no trace in {compiled}"


def _linked(package: Package, environment: EnvironmentFacts, builder: SystemFacts) -> Iterable[str]:
    """Yield the libraries of compiled distributions that their compiler found through this package, or one below."""
    relations = make_relations(builder.packages)
    below = (builder.packages[name] for name in installed_with([package.name], relations) if name in builder.packages)
    links = {link for item in below for link in item.links}
    for distribution in environment.compiled:
        yield from (
            f"{name} of {distribution.name}" for name in distribution.needed if builder.cache.get(name) in links
        )
