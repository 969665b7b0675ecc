"""A project that was built -> what its image teaches, and what follows for the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from dockertools.conf import INFERRED, Config
from dockertools.learn.collect import Watch, collect_evidence
from dockertools.learn.compilers import propose_build
from dockertools.learn.proposal import BUILD, RUNTIME, Evidence, NamedPackages, Proposal, propose_runtime
from dockertools.project.facts import ProjectFacts
from dockertools.project.system_packages import find_system_packages


@dataclass(frozen=True)
class Learned:
    """The image that was asked, what it said, and what follows; `changes` are the lists that are to be others."""

    image: str
    evidence: Evidence
    proposal: Proposal
    changes: Mapping[str, tuple[str, ...]]


def learn(config: Config, facts: ProjectFacts, watch: Watch, tell: Callable[[str], None]) -> Learned:
    """Return what the project's image teaches.

    Raises as `collect_evidence` does.
    """
    evidence = collect_evidence(config, facts, watch, tell)
    runtime, build = named_packages(config, facts)
    runtime_lines, runtime_list = propose_runtime(evidence, runtime)
    build_lines, build_list = propose_build(evidence.environment, evidence.builder, build)
    lists = ((RUNTIME, config.runtime_packages, runtime_list), (BUILD, config.build_packages, build_list))
    changes = {setting: new for setting, old, new in lists if new != old}
    proposal = Proposal((*runtime_lines, *build_lines), runtime_list, build_list)
    return Learned(config.image, evidence, proposal, changes)


def with_changes(config: Config, changes: Mapping[str, tuple[str, ...]]) -> Config:
    """Return the configuration as it will be."""
    return replace(
        config,
        runtime_packages=changes.get(RUNTIME, config.runtime_packages),
        build_packages=changes.get(BUILD, config.build_packages),
    )


def named_packages(config: Config, facts: ProjectFacts) -> tuple[NamedPackages, NamedPackages]:
    """Return both lists of the configuration, with what `"..."` stands for in them."""
    plain = replace(config, runtime_packages=(INFERRED,), build_packages=(INFERRED,))
    inferred, _ = find_system_packages(facts.manifest, facts.settings, facts.python.suite, plain)
    return (
        NamedPackages(config.runtime_packages, inferred.runtime),
        NamedPackages(config.build_packages, inferred.build),
    )
