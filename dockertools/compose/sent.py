"""Whether a build is sent the code that its Dockerfile copies: an ignore file can leave it out."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from dockertools.compose.application import Application, module_path
from dockertools.compose.config import BuildFacts
from dockertools.context.inspect import inspect_context
from dockertools.errors import DockertoolsError

IGNORE_NAME = ".dockerignore"


def leaves_out(build: BuildFacts, source: Path, application: Application) -> str | None:
    """Return a file of code below `source` that the build's ignore file leaves out; None when all is sent.

    What is looked at is manage.py and the settings; where there is neither, whether any Python file is sent.
    """
    context = Path(build.context)
    dockerfile = None if build.dockerfile_inline is not None else build.dockerfile_path
    if not (_has_ignore_file(context, dockerfile) and source.is_dir() and source.is_relative_to(context.resolve())):
        return None
    sent = _sent(context.resolve(), dockerfile)
    if sent is None:
        return None
    wanted = [path for path in _needed(application) if path.resolve().is_relative_to(source)]
    names = [path.resolve().relative_to(context.resolve()).as_posix() for path in wanted]
    if names:
        return next((name for name in names if name not in sent), None)
    inside = source.relative_to(context.resolve()).as_posix()
    is_sent = any(name.endswith(".py") and (inside == "." or name.startswith(f"{inside}/")) for name in sent)
    return None if is_sent or not any(source.rglob("*.py")) else inside


def _needed(application: Application) -> list[Path]:
    if application.manage is None:
        return []
    module = application.settings_module
    settings = module_path(application.manage.parent, module) if module else None
    return [application.manage, *([settings] if settings else [])]


def _has_ignore_file(context: Path, dockerfile: Path | None) -> bool:
    own = dockerfile is not None and dockerfile.with_name(f"{dockerfile.name}{IGNORE_NAME}").is_file()
    return own or (context / IGNORE_NAME).is_file()


@lru_cache(maxsize=8)
def _sent(context: Path, dockerfile: Path | None) -> frozenset[str] | None:
    """Return the files that are sent; None where the rules cannot be read, which the build then says."""
    try:
        return frozenset(file.path for file in inspect_context(context, dockerfile).sent)
    except DockertoolsError:
        return None
