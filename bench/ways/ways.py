"""The ways to build an image: each writes its files into a copy of an application, and knows its command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.ways.apps import ROOT, App
from bench.ways.engine import call

_DOCKERFILES = Path(__file__).with_name("dockerfiles")
_GUIDE_RULES = ROOT / "bench/django.dockerignore"
_INIT_RULES = (
    "**/.git\n**/.venv\n**/__pycache__\n**/.env\n**/.dockerignore\n**/Dockerfile*\n**/*compose*.y*ml\nREADME.md\n"
)


@dataclass(frozen=True)
class Way:
    """A way: `variant` is docker_init's, None where the bench writes the Dockerfile itself."""

    name: str
    title: str
    variant: str | None = None
    ignore: str | None = None

    @property
    def is_ours(self) -> bool:
        """Whether docker_init writes the files and docker_build builds."""
        return self.variant is not None

    def prepare(self, app: App, folder: Path) -> None:
        """Copy the application and write the way's files."""
        app.copy(folder)
        if self.variant:
            argv = (*app.command("init"), "--noinput", "--variant", self.variant)
            call(argv, env=OWN_ENVIRONMENT, cwd=folder)
            return
        text = (_DOCKERFILES / f"{self.name}.Dockerfile").read_text(encoding="utf-8")
        for field in ("development_packages", "runtime_packages", "needed_packages", "application"):
            text = text.replace(f"{{{field}}}", getattr(app, field))
        (folder / "Dockerfile").write_text(text, encoding="utf-8")
        (folder / ".dockerignore").write_text(self.ignore or "", encoding="utf-8")

    def command(self, app: App, folder: Path, tag: str, *options: str, bare: bool = False) -> tuple[str, ...]:
        """Return what builds the image, in its folder and as its users would; `bare` without docker_build."""
        if self.is_ours and not bare:
            return (*app.command("build"), "--tag", tag, *options)
        return ("docker", "buildx", "build", "--load", "--provenance=false", f"--tag={tag}", *options, str(folder))


OWN_ENVIRONMENT: Mapping[str, str] = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
WAYS = (
    Way("single", "single stage"),
    Way("guide", "the guide's two stages", ignore=_GUIDE_RULES.read_text(encoding="utf-8")),
    Way("init", "an init command's, pip with cache mounts", ignore=_INIT_RULES),
    Way("init-libraries", "the same, libraries added by hand", ignore=_INIT_RULES),
    Way("template", "a project template's two stages, uv", ignore=_GUIDE_RULES.read_text(encoding="utf-8")),
    Way("slim", "docker_init, slim", variant="slim"),
    Way("distroless", "docker_init, distroless", variant="distroless"),
)
