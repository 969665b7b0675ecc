"""Group `environment`: variables, time zones and certificate authorities."""

from __future__ import annotations

import os
import ssl
import sys
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from django.conf import settings

from dockertools.checks.context import CheckContext
from dockertools.checks.registry import register_check
from dockertools.checks.results import Outcome, failed, passed, skipped, warned
from dockertools.checks.runtime.suites import inspect_distribution
from dockertools.checks.runtime.variables import VariableRead, find_star_imports, find_variable_reads

GROUP = "environment"


@register_check(
    "dockertools.C801",
    group=GROUP,
    title="variables",
    needs_setup=False,
    codes={
        "variable-unset": "The settings read a variable that is not set, and nothing stands in for it.",
        "variable-empty": "The variable is set to nothing, as compose does with `${NAME:-}`.",
        "no-variables": "Skipped: the settings read no variable by a literal name.",
    },
)
def check_variables(context: CheckContext) -> Iterator[Outcome]:
    """Read in the settings' source which variables they take from the environment, and look whether those are set.

    Counted are those without a default, and all whose name is that of a secret.
    """
    reads = tuple(read for path in settings_files(context.root) for read in _reads_of(path))
    if not reads:
        yield skipped("no-variables", "the settings read no variable by a literal name")
        return
    findings = tuple(judge_variables(reads, os.environ))
    yield from findings or (passed(f"{len(reads)} read", variables=sorted({read.name for read in reads})),)


@register_check(
    "dockertools.C802",
    group=GROUP,
    title="time zone data",
    needs_setup=False,
    is_settings_only=True,
    codes={"zone-missing": "There are no data for TIME_ZONE, neither of the system nor of the package tzdata."},
)
def check_time_zone(context: CheckContext) -> Iterator[Outcome]:
    """Load the data of TIME_ZONE."""
    name = settings.TIME_ZONE or "UTC"
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        hint = "Pin the Python package tzdata, or install the system's in the runtime stage (apt-get install tzdata)."
        yield failed("zone-missing", f"there are no data for {name}: {error}", hint, zone=name)
    else:
        yield passed(name, zone=name)


@register_check(
    "dockertools.C803",
    group=GROUP,
    title="certificate authorities",
    needs_setup=False,
    codes={
        "authorities-missing": "Python's TLS trusts nobody: every https connection that verifies will fail.",
        "authorities-file-missing": "SSL_CERT_FILE, SSL_CERT_DIR or REQUESTS_CA_BUNDLE names what is not there.",
    },
)
def check_authorities(context: CheckContext) -> Iterator[Outcome]:
    """Look where OpenSSL looks for the authorities that it trusts."""
    broken = tuple(_broken_variables(os.environ))
    yield from broken
    if broken:
        return
    paths = ssl.get_default_verify_paths()
    for place, count in ((paths.cafile, count_in_file(paths.cafile)), (paths.capath, count_in_folder(paths.capath))):
        if count:
            yield passed(f"{count} in {place}", count=count)
            return
    package = "apk add" if inspect_distribution().id == "alpine" else "apt-get install"
    hint = f"Install them in the runtime stage: {package} ca-certificates"
    message = f"no certificate in {paths.openssl_cafile} or {paths.openssl_capath}"
    yield failed("authorities-missing", message, hint)


def judge_variables(reads: Iterable[VariableRead], environment: Mapping[str, str]) -> Iterator[Outcome]:
    """Yield a finding for each variable that is missed."""
    for read in reads:
        value = environment.get(read.name)
        if value or not (read.is_required or read.is_secret):
            continue
        evidence = {"variable": read.name, "line": read.line}
        hint = f"Set {read.name} in the container's environment (compose: `environment` or `env_file`)."
        code, state = ("variable-unset", "is not set") if value is None else ("variable-empty", "is set to nothing")
        make = failed if read.is_secret or (read.is_required and value is None) else warned
        yield make(code, f"{read.name} {state}", hint, **evidence)


def settings_files(root: Path) -> tuple[Path, ...]:
    """Return the source of the settings: their module, and those of the project whose names it takes over with `*`."""
    names = [str(getattr(settings, "SETTINGS_MODULE", ""))]
    files: dict[Path, None] = {}
    while names:
        module = sys.modules.get(names.pop())
        path = Path(getattr(module, "__file__", None) or "/")
        if module is not None and path.is_file() and path.is_relative_to(root) and path not in files:
            files[path] = None
            names += find_star_imports(path.read_bytes(), module.__name__.rpartition(".")[0])
    return tuple(files)


def count_in_file(cafile: str | None) -> int:
    """Return how many certificates of authorities there are in the file; none where it cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile or os.devnull)
    except (ssl.SSLError, OSError):
        return 0
    return context.cert_store_stats()["x509_ca"]


def count_in_folder(capath: str | None) -> int:
    """Return how many certificates there are in the folder, by their hashed names (`ab12cd34.0`)."""
    return sum(1 for path in Path(capath).glob("????????.[0-9]") if path.exists()) if capath else 0


def _broken_variables(environment: Mapping[str, str]) -> Iterator[Outcome]:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"):
        value = environment.get(name)
        if value and not Path(value).exists():
            hint = f"Correct {name}, or mount {value}."
            yield failed("authorities-file-missing", f"{name} names {value}, which is not there", hint, variable=name)


def _reads_of(path: Path) -> tuple[VariableRead, ...]:
    return find_variable_reads(path.read_bytes())
