"""A compose service -> BuildOptions, as `docker compose build NAME` would have it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dockertools.build.options import BuildOptions
from dockertools.build.reference import normalize_tag
from dockertools.build.request import BuildRequest, missing_dockerfile, with_request
from dockertools.compose.config import BuildFacts, BuildSecret, ComposeFacts, ServiceFacts, read_compose_config
from dockertools.conf import Config, image_name
from dockertools.errors import DockertoolsError, UsageError

# Keys of `build` that docker_build takes over; what else a file asks for would be lost without a word.
_UNDERSTOOD = frozenset(
    {"context", "dockerfile", "dockerfile_inline", "additional_contexts", "target", "args", "secrets", "ssh", "labels"}
    | {"platforms", "cache_from", "cache_to", "no_cache", "pull", "tags", "sbom", "provenance"}
    | {"network", "extra_hosts", "shm_size", "ulimits"}
)


def make_service_options(config: Config, service: str, request: BuildRequest) -> BuildOptions:
    """Return what to build for a service of the project's compose files.

    Raises UsageError for a service that is not there or has no `build`, DockertoolsError for what compose refuses.
    """
    if request.file:
        raise UsageError("--file and --service exclude each other.", hint="The compose file names the Dockerfile.")
    facts = read_compose_config(config.root)
    found = _find_service(facts, service)
    build = found.build
    if build is None:
        raise UsageError(
            f"The service {service!r} has no `build`.", hint=f"It uses the image {found.image}: `docker pull` gets it."
        )
    options = service_options(facts.name, found, build, config)
    if options.dockerfile_text is None and not options.dockerfile.is_file():
        raise missing_dockerfile(options.dockerfile)
    if request.tag is not None:
        options = replace(options, tag=normalize_tag(request.tag), more_tags=())
    return with_request(options, request)


def service_options(project: str, service: ServiceFacts, build: BuildFacts, config: Config) -> BuildOptions:
    """Return the options that the service's `build` stands for.

    Raises UsageError for a context that is no folder, and for keys that docker_build does not know.
    """
    if not build.is_local:
        raise UsageError(
            f"The context of the service {service.name!r} is {build.context}, not a folder.",
            hint=f"Build it with `docker compose build {service.name}`.",
        )
    values: Mapping[str, Any] = service.values["build"]
    unknown = sorted(set(values) - _UNDERSTOOD)
    if unknown:
        raise UsageError(
            f"docker_build does not know build.{', build.'.join(unknown)} of the service {service.name!r}.",
            hint=f"Build it with `docker compose build {service.name}`.",
        )
    return BuildOptions(
        context=Path(build.context),
        dockerfile=build.dockerfile_path,
        project=config.root,
        tag=normalize_tag(service.image or f"{project}-{service.name}"),
        more_tags=tuple(normalize_tag(tag) for tag in build.tags),
        dockerfile_text=build.dockerfile_inline,
        target=build.target,
        no_cache=build.no_cache,
        pull=build.pull,
        build_args=tuple(build.args.items()),
        labels=_labels(project, service, build, config),
        secrets=tuple(_secret(secret) for secret in build.secrets),
        ssh=build.ssh,
        platforms=build.platforms,
        cache_from=build.cache_from,
        cache_to=build.cache_to,
        sbom=values.get("sbom"),
        provenance=values.get("provenance"),
        max_size=config.max_size if service.name == config.service else None,
        extra=tuple(_extra(values, build)),
    )


def _find_service(facts: ComposeFacts, name: str) -> ServiceFacts:
    if name in facts.services:
        return facts.services[name]
    close = difflib.get_close_matches(name, facts.services, 1)
    hint = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(facts.services) or 'none'}."
    raise UsageError(f"The compose project {facts.name!r} has no service {name!r}.", hint=hint)


def _labels(project: str, service: ServiceFacts, build: BuildFacts, config: Config) -> tuple[tuple[str, str], ...]:
    """Return the labels: compose's own, by which it knows its images, ours, and those of the file."""
    compose = {"com.docker.compose.project": project, "com.docker.compose.service": service.name}
    return tuple({"io.dockertools.project": image_name(config.root), **compose, **build.labels}.items())


def _secret(secret: BuildSecret) -> str:
    if secret.file is not None:
        return f"id={secret.id},src={secret.file}"
    if secret.environment is not None:
        return f"id={secret.id},env={secret.environment}"
    raise DockertoolsError(
        f"The build secret {secret.id!r} is neither a file nor an environment variable.",
        hint="Give it `file:` or `environment:` under the top-level `secrets:`.",
    )


def _extra(values: Mapping[str, Any], build: BuildFacts) -> Iterator[str]:
    """Yield the words for what BuildOptions has no field of its own for."""
    for name, context in build.additional_contexts.items():
        yield from ("--build-context", f"{name}={context}")
    if build.network:
        yield from ("--network", build.network)
    for host in values.get("extra_hosts") or ():
        yield from ("--add-host", str(host).replace("=", ":", 1))
    if values.get("shm_size"):
        yield from ("--shm-size", str(values["shm_size"]))
    for name, limit in (values.get("ulimits") or {}).items():
        text = f"{limit['soft']}:{limit['hard']}" if isinstance(limit, dict) else str(limit)
        yield from ("--ulimit", f"{name}={text}")
