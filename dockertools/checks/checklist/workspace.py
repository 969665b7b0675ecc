"""Where the checklist is carried out: a copy of the project, images of its own, and nothing left of either."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType

from dockertools.build.driver import build_image
from dockertools.build.history import state_file
from dockertools.build.options import BuildOptions
from dockertools.build.progress import BuildProgress, Step
from dockertools.build.request import BuildRequest, make_build_options
from dockertools.build.result import BuildResult
from dockertools.checks.checklist.single_stage import STAGE, find_builder, single_stage_text
from dockertools.checks.checklist.states import Stack
from dockertools.checks.image.collect import audit_image
from dockertools.checks.image.facts import AuditFacts
from dockertools.checks.runner import Event, Notice, Working
from dockertools.conf import Config
from dockertools.context import ContextFacts, inspect_context
from dockertools.engine import connect
from dockertools.errors import DockertoolsError
from dockertools.image.files import ReadProgress
from dockertools.process import ProgramTimeoutError, run
from dockertools.project.inspect import inspect_project

REPOSITORY = "dockertools-checklist"
ENGINE_SECONDS = 300.0
"""How long a single answer of the engine may take; a busy one takes long to start a container."""
_CHANGE = "\n# Changed by docker_check, in a copy of the project: {token}\n"
"""Another one each time: the engine still has the steps after the change that an earlier list made."""
_NO_CODE = re.compile(r"(^|/)(tests?|migrations|docs|\.[^/]+)(/|$)")

OnEvent = Callable[[Event], None]


class Workspace:
    """Builds what the points ask for, each once; a context manager that removes all that it made."""

    def __init__(self, config: Config, on_event: OnEvent) -> None:
        self.config = config
        self.token = uuid.uuid4().hex[:12]
        self.on_event = on_event
        self.cleanups = ExitStack()
        self.stack: Stack | None = None
        """The running services, once they have been started."""

    def __enter__(self) -> Workspace:
        """Begin with nothing: what is needed is made when it is asked for."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove containers, images, records and the copy, in the opposite order."""
        self.on_event(Notice("Removing what was made."))
        self.cleanups.__exit__(kind, error, traceback)

    def remove_at_end(self, argv: tuple[str, ...], by_hand: str = "") -> None:
        """Run `argv` when the list is done; `by_hand` is the command to give where the engine hangs over it."""
        self.cleanups.callback(self._remove, argv, by_hand or " ".join(argv))

    def _remove(self, argv: tuple[str, ...], by_hand: str) -> None:
        try:
            run(argv, timeout=ENGINE_SECONDS)
        except ProgramTimeoutError:  # what was found counts more
            self.on_event(Notice(f"NOT REMOVED within {ENGINE_SECONDS:g} seconds; later: {by_hand}"))

    @cached_property
    def context(self) -> ContextFacts:
        """What a build of the project sends."""
        return inspect_context(self.config.root, self.config.root / self.config.dockerfile)

    @cached_property
    def copy(self) -> Path:
        """A folder with what a build is sent, the Dockerfile and the ignore file."""
        parent = Path(self.cleanups.enter_context(tempfile.TemporaryDirectory(prefix="dockertools-checklist-")))
        folder = parent / self.config.root.name
        self.cleanups.callback(_forget_builds, folder)
        names = {file.path for file in self.context.sent} | {self.config.dockerfile, ".dockerignore"}
        names.add(f"{self.config.dockerfile}.dockerignore")
        for name in sorted(names):
            source, target = self.config.root / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_symlink() or source.is_file():
                shutil.copy2(source, target, follow_symlinks=False)
        return folder

    @cached_property
    def production(self) -> BuildResult:
        """The image of the last stage."""
        return self._build("production", self._options("production"))

    @cached_property
    def single_stage(self) -> BuildResult | None:
        """The image that the same project makes in one stage; None where there is no builder stage to make it of."""
        text = (self.copy / self.config.dockerfile).read_text(encoding="utf-8", errors="replace")
        builder = find_builder(text)
        if builder is None:
            return None
        options = self._options("single-stage")
        options = replace(options, dockerfile_text=single_stage_text(text, builder), target=STAGE)
        return self._build("the same in a single stage", options)

    @cached_property
    def after_code_change(self) -> tuple[str, BuildResult]:
        """The file that was changed, and the build after it."""
        _ = self.production
        path = self._code_file()
        with (self.copy / path).open("a", encoding="utf-8") as stream:
            stream.write(_CHANGE.format(token=self.token))
        return path, self._build(f"again, with {path} changed", self._options("code-changed"))

    @cached_property
    def after_dependency_change(self) -> tuple[str, BuildResult] | None:
        """The list of requirements that was changed, and the build after it; None where there is no list."""
        _ = self.after_code_change
        found = [name for name in inspect_project(self.config).manifest.files if (self.copy / name).is_file()]
        if not found:
            return None
        with (self.copy / found[0]).open("a", encoding="utf-8") as stream:
            stream.write(_CHANGE.format(token=self.token))
        return found[0], self._build(f"again, with {found[0]} changed", self._options("dependencies-changed"))

    @cached_property
    def audit(self) -> AuditFacts:
        """What an audit of the production image knows."""
        begin = time.monotonic()

        def tell(progress: ReadProgress) -> None:
            self.on_event(Working(f"reading the image, {progress.files} files", time.monotonic() - begin))

        return audit_image(connect(), self.production.tag, self.config, tell)

    @contextlib.contextmanager
    def working(self, what: str) -> Iterator[Callable[[], None]]:
        """Say what is done; the yielded function says how long already."""
        self.on_event(Notice(f"{what[:1].upper()}{what[1:]} ..."))
        begin = time.monotonic()
        yield lambda: self.on_event(Working(what, time.monotonic() - begin))

    def _options(self, tag: str) -> BuildOptions:
        config = replace(self.config, root=self.copy, max_size=None)
        return make_build_options(config, BuildRequest(tag=f"{REPOSITORY}/{self.token}:{tag}"))

    def _build(self, what: str, options: BuildOptions) -> BuildResult:
        self.remove_at_end(("docker", "image", "rm", "--force", options.tag))
        with self.working(f"building {what}") as tell:

            def on_event(_progress: BuildProgress, _step: Step | None) -> None:
                tell()

            return build_image(options, on_event)

    def _code_file(self) -> str:
        """Return a file of the project's code, near to the root: manage.py, if there is nothing better.

        Raises DockertoolsError when no Python file is sent at all.
        """
        files = [file.path for file in self.context.sent if file.path.endswith(".py")]
        own = [path for path in files if path != "manage.py" and not _NO_CODE.search(path)] or files
        if not own:
            raise DockertoolsError(
                "The build is sent no Python file, so that none can be changed.", hint="`docker_context --list`"
            )
        return min(own, key=lambda path: (path.count("/") == 0, not path.endswith("urls.py"), path.count("/"), path))


def _forget_builds(folder: Path) -> None:
    shutil.rmtree(state_file(folder).parent, ignore_errors=True)
