"""An image of the engine's store -> AuditFacts, in one pass over its archive."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dockertools.build.dockerfile import read_stages
from dockertools.checks.image.catalog_facts import (
    find_inside,
    find_modes,
    find_named_secrets,
    group_contents,
    place_secrets,
    read_accounts,
    read_names,
    read_release,
    read_scripts,
)
from dockertools.checks.image.config import read_config, read_history
from dockertools.checks.image.facts import AuditFacts, Base, ImageConfig
from dockertools.checks.image.scan import Scan
from dockertools.conf import Config, image_name
from dockertools.image.analysis import PROJECT_LABEL, read_stacked
from dockertools.image.archive import ProgressListener
from dockertools.image.catalog import Catalog, open_catalog
from dockertools.image.files import ArchiveFacts
from dockertools.image.layers import find_waste
from dockertools.image.packages import find_python_packages
from dockertools.image.system_packages import find_system_packages

if TYPE_CHECKING:
    from docker import DockerClient

BASE_LABEL = "org.opencontainers.image.base.name"
_ARGUMENT = re.compile(r"\$\{?(?P<name>\w+)(?::?-(?P<default>[^}]*))?\}?")


def audit_image(
    client: DockerClient, reference: str, config: Config, on_progress: ProgressListener | None = None
) -> AuditFacts:
    """Return what an audit knows of an image.

    Raises DockertoolsError when there is no such image, CouldNotRunError when the engine is lost midway.
    """
    with open_catalog() as catalog:
        scan = Scan(catalog)
        archive, base_layers = read_stacked(client, reference, catalog, scan.visitor(), on_progress)
        return collect_facts(reference, catalog, scan, archive, base_layers, read_project_base(config))


def collect_facts(  # the parts that were read, and what cannot be read from them
    reference: str,
    catalog: Catalog,
    scan: Scan,
    archive: ArchiveFacts,
    base_layers: int,
    project_base: tuple[str, Base] | None = None,
) -> AuditFacts:
    """Return the facts of an image that was read; `project_base` is the base of the project of that name."""
    image_config = read_config(archive.config)
    python_packages = find_python_packages(catalog)  # first: it notes which file is whose
    system_packages = find_system_packages(catalog, _started(image_config))
    names = read_names(catalog)
    secrets = tuple(place_secrets(catalog, scan.found))
    known = {secret.path for secret in secrets}
    named = (secret for secret in find_named_secrets(catalog, base_layers) if secret.path not in known)
    return AuditFacts(
        reference=reference,
        config=image_config,
        layers=tuple(layer.instruction for layer in archive.layers),
        base_layers=base_layers,
        base=find_base(image_config, project_base),
        history=read_history(archive.config),
        secrets=(*secrets, *named),
        contents=group_contents(catalog, base_layers),
        setuid=tuple(find_modes(catalog, 0o6000)),
        world_writable=tuple(find_modes(catalog, 0o002)),
        programs=names.programs,
        accounts=read_accounts(catalog),
        release=read_release(catalog),
        pythons=names.pythons,
        python_packages=python_packages,
        system_packages=system_packages,
        waste=find_waste(catalog),
        missing_libraries=names.missing_libraries,
        scripts=read_scripts(catalog),
        inside=find_inside(catalog, names, image_config.environment.get("PATH", ""), image_config.working_dir),
    )


def _started(config: ImageConfig) -> tuple[str, ...]:
    """Return the words of the configuration that may be programs: an entry point is given the server as a word."""
    words = (*config.argv, *(config.healthcheck or ()))
    return tuple(part for word in words for part in word.split() if not part.startswith("-"))


def find_base(config: ImageConfig, project_base: tuple[str, Base] | None) -> Base | None:
    """Return the base that a label names, or that the Dockerfile of the image's project does."""
    if name := config.labels.get(BASE_LABEL):
        return Base(name, f"label {BASE_LABEL}")
    if project_base and config.labels.get(PROJECT_LABEL) == project_base[0]:
        return project_base[1]
    return None


def read_project_base(config: Config) -> tuple[str, Base] | None:
    """Return the project's name and the base of its Dockerfile's last stage; None where there is no Dockerfile."""
    try:
        text = (config.root / config.dockerfile).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    name = find_final_base(text)
    return (image_name(config.root), Base(name, config.dockerfile)) if name else None


def find_final_base(dockerfile: str) -> str:
    """Return the image that the last stage is made from in the end, arguments of the Dockerfile filled in."""
    stages = read_stages(dockerfile)
    defaults = dict(re.findall(r"(?m)^ARG\s+(\w+)=[\"']?([^\s\"']+)", dockerfile.partition("\nFROM")[0]))
    by_name = {stage.name.lower(): stage for stage in stages if stage.name}
    base = _fill_in(stages[-1].base, defaults) if stages else ""
    seen: set[str] = set()
    while base.lower() in by_name and base.lower() not in seen:
        seen.add(base.lower())
        base = _fill_in(by_name[base.lower()].base, defaults)
    return base


def _fill_in(text: str, defaults: Mapping[str, str]) -> str:
    return _ARGUMENT.sub(lambda match: defaults.get(match["name"]) or match["default"] or "", text)
