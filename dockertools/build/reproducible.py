"""What makes a build give the same digest everywhere: a context of its own, and an archive whose times are set.

How BuildKit sets them: https://github.com/moby/buildkit/blob/master/docs/build-repro.md
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from dockertools.build.command import load_argv
from dockertools.build.finish import TICK_SECONDS
from dockertools.build.options import BuildOptions
from dockertools.build.source_date import uncommitted_files
from dockertools.context.copy import copy_context
from dockertools.context.ignore_file import IGNORE_FILE_NAME
from dockertools.context.inspect import sent_entries
from dockertools.errors import DockertoolsError
from dockertools.process import stream

NAMED_FILES = 3


def put_on_disk(options: BuildOptions, folder: Path) -> BuildOptions:
    """Return the options with what is built from: a Dockerfile that is only text, and a context without a history.

    What BuildKit is to leave out of the copied context has been left out of the copy, so an empty list is in force.
    """
    if options.dockerfile_text is None and options.source_date_epoch is None:
        return options
    file = folder / "Dockerfile"
    if options.dockerfile_text is None:
        shutil.copyfile(options.dockerfile, file)  # byte for byte: line ends count in a heredoc
    else:
        file.write_text(options.dockerfile_text, encoding="utf-8")
    if options.source_date_epoch is None:
        return replace(options, dockerfile=file)
    file.with_name(f"{file.name}{IGNORE_FILE_NAME}").touch()
    context = folder / "context"
    context.mkdir()
    copy_context(options.context, _dockerfile(options), context, options.source_date_epoch)
    return replace(options, dockerfile=file, context=context)


def _dockerfile(options: BuildOptions) -> Path | None:
    return options.dockerfile if options.dockerfile_text is None else None


def load_image(archive: Path, on_tick: Callable[[], None]) -> None:
    """Put the archive's image into the engine's store, without a name.

    Raises DockertoolsError when the engine refuses.
    """
    with stream(load_argv(archive)) as process:
        said = []
        for line in process.lines(tick=TICK_SECONDS):
            said.append(line.decode(errors="replace"))
            on_tick()
        if process.wait() == 0:
            return
    raise DockertoolsError(
        f"The image was built, but the engine did not take it: {' '.join(filter(None, said))}",
        hint="Check the engine and its disk (`docker system df`), then build again.",
        code="not-loaded",
    )


def uncommitted_warning(options: BuildOptions) -> str | None:
    """Return what to say of files that the last commit does not have as they are sent; None when there are none."""
    sent = {entry.path for entry in sent_entries(options.context, _dockerfile(options))}
    if options.dockerfile_text is None and options.dockerfile.is_relative_to(options.context):
        sent.add(str(options.dockerfile.relative_to(options.context)))
    files = uncommitted_files(options.context, sent)
    if not files:
        return None
    named = ", ".join(files[:NAMED_FILES])
    more = f" and {len(files) - NAMED_FILES} more" if len(files) > NAMED_FILES else ""
    return f"not as in the last commit: {named}{more}; a checkout of it gives another digest"
