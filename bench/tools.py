"""What `docker_check --image` and other tools say of the same two images, one with thirty faults and a sound one."""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.faults import OURS, Finding, Scan, left_over, render_list, render_table
from bench.machine import describe_machine
from dockertools import __version__
from dockertools.errors import CouldNotRunError
from dockertools.process import Completed, ProgramTimeoutError, run
from tests.audit_images import write_faulty_context

ROOT = Path(__file__).parent.parent
REPORT = ROOT / "docs" / "audit_comparison.md"
LAYER_SECONDS = 1800.0
"""How long a tool may look at one layer."""
FAULTY, SOUND = "dockertools-bench/faulty:latest", "dockertools-bench/sound:latest"
INSTALLED = ("checkov", "detect-secrets")


@dataclass(frozen=True)
class Subject:
    """An image, where its Dockerfile and context are, and its layers, unpacked, by the digest."""

    image: str
    context: Path
    layers: tuple[Path, ...]


@dataclass
class Bench:
    """The folder that all is done in, and what was found in a layer that both images have."""

    folder: Path
    say: Callable[[str], object]
    known: dict[tuple[str, str], tuple[Finding, ...] | None] = field(default_factory=dict)

    def program(self, package: str) -> str:
        """Return the program of a package that was installed for this."""
        return str(self.folder / package / "bin" / package)


def measure(say: Callable[[str], object]) -> str:
    """Return the section for docs/audit_comparison.md."""
    with tempfile.TemporaryDirectory(prefix="bench-tools-") as name:
        bench = Bench(Path(name), say)
        versions = _install(bench)
        faulty = bench.folder / "faulty"
        faulty.mkdir()
        write_faulty_context(faulty)
        with _exported(bench, FAULTY, faulty) as subject:
            of_faulty = _scan(bench, subject)
        with _exported(bench, SOUND, ROOT) as subject:
            of_sound = _scan(bench, subject)
    return render_section(versions, of_faulty, of_sound)


def render_section(versions: dict[str, str], faulty: list[Scan], sound: list[Scan]) -> str:
    """Return the section for what each tool found in the one image and in the other."""
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    return "\n".join(
        [
            f"Versions: {told}.",
            "",
            *render_table(faulty),
            "",
            "What each says of the same image besides, which is of none of these faults:",
            "",
            *render_list(faulty, {scan.tool: left_over(scan) for scan in faulty}),
            "",
            "And of the service's own image, which has none of them:",
            "",
            *render_list(sound, {scan.tool: scan.findings for scan in sound}),
            "",
            f"Run on {describe_machine()}; a tool had {LAYER_SECONDS / 60:.0f} minutes for a layer.",
            "",
        ]
    )


def _install(bench: Bench) -> dict[str, str]:
    """Install each tool into an environment of its own: checkov brings a fork of detect-secrets under the same name."""
    versions = {OURS: __version__, "hadolint": _ask((_hadolint(), "--version")).split()[-1]}
    versions["buildx"] = _ask(("docker", "buildx", "version")).split()[1]
    for package in INSTALLED:
        bench.say(f"  installing {package}")
        python = str(bench.folder / package / "bin" / "python")
        _ask((sys.executable, "-m", "venv", str(bench.folder / package)))
        _ask((python, "-m", "pip", "install", "--quiet", package))
        listed = json.loads(_ask((python, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check")))
        versions |= {item["name"]: item["version"] for item in listed if item["name"] == package}
    return versions


@contextmanager
def _exported(bench: Bench, image: str, context: Path) -> Iterator[Subject]:
    """Build the context's image and unpack its layers one by one; both are removed at the end."""
    bench.say(f"  building {image}")
    argument = ("--build-arg", "PIP_TOKEN=pt-93hf83hf83hf83hf") if image == FAULTY else ()
    _ask(("docker", "buildx", "build", "--quiet", "--load", "--tag", image, *argument, str(context)))
    target = bench.folder / "export"
    try:
        archive = bench.folder / "image.tar"
        _ask(("docker", "save", "--output", str(archive), image))
        yield Subject(image, context, _unpack(archive, target))
    finally:
        run(("docker", "image", "rm", "--force", image))
        shutil.rmtree(target, ignore_errors=True)


def _unpack(archive: Path, target: Path) -> tuple[Path, ...]:
    with tarfile.open(archive) as outer:
        outer.extractall(target / "blobs", filter="data")
    archive.unlink()
    manifest = json.loads((target / "blobs" / "manifest.json").read_text(encoding="utf-8"))[0]
    layers = []
    for name in manifest["Layers"]:
        folder = target / Path(name).name
        folder.mkdir(exist_ok=True)
        with tarfile.open(target / "blobs" / name) as layer:
            for member in layer:
                if member.isfile():
                    member.mode = 0o644
                    layer.extract(member, folder, filter="data")
        layers.append(folder)
    return tuple(layers)


def _scan(bench: Bench, subject: Subject) -> list[Scan]:
    """Run every tool on the image."""
    checkov = _scan_layers(bench, subject, "checkov", _checkov_secrets)
    lint = tuple(_checkov_dockerfile(bench, subject))
    return [
        Scan(OURS, tuple(_docker_check(subject))),
        Scan("hadolint", tuple(_lint(subject))),
        Scan("build --check", tuple(_build_check(subject))),
        Scan("checkov", lint + checkov.findings, checkov.unfinished),
        _scan_layers(bench, subject, "detect-secrets", _detect_secrets),
    ]


def _scan_layers(bench: Bench, subject: Subject, tool: str, look: Callable[[str, Path], Iterator[Finding]]) -> Scan:
    found: list[Finding] = []
    unfinished = []
    for number, layer in enumerate(subject.layers, 1):
        key = (tool, layer.name)
        if key not in bench.known:
            bench.say(f"  {tool} on layer {number} of {len(subject.layers)} of {subject.image}")
            try:
                bench.known[key] = tuple(look(bench.program(tool), layer))
            except ProgramTimeoutError:
                bench.known[key] = None
        result = bench.known[key]
        found.extend(result or ())
        if result is None:
            unfinished.append(f"layer {number} of {len(subject.layers)}")
    return Scan(tool, tuple(found), tuple(unfinished))


def _docker_check(subject: Subject) -> Iterator[Finding]:
    """Yield what the audit finds; the checks in a container of the image judge the machine too, and are left out."""
    argv = (sys.executable, "manage.py", "docker_check", "--image", subject.image, "--format", "json")
    done = run(argv, cwd=ROOT, timeout=LAYER_SECONDS)
    document = json.loads(done.stdout)
    if "results" not in document:
        raise CouldNotRunError(f"`{' '.join(argv)}` failed: {document['error']}")
    for result in document["results"]:
        name = result["id"].rpartition(".")[2]
        if name.startswith("I") and result["status"] in {"warn", "fail"}:
            yield Finding(name, result["evidence"].get("path", "the image"), result["message"])


def _hadolint() -> str:
    return str(Path(sys.executable).parent / "hadolint")


def _lint(subject: Subject) -> Iterator[Finding]:
    lines = _lines(subject)
    for item in json.loads(run((_hadolint(), "--format", "json", str(subject.context / "Dockerfile"))).stdout):
        yield Finding(item["code"], "Dockerfile", lines[item["line"] - 1])


def _build_check(subject: Subject) -> Iterator[Finding]:
    lines = _lines(subject)
    argv = ("docker", "buildx", "build", "--call=check,format=json", str(subject.context))
    for item in json.loads(run(argv, timeout=300).stdout).get("warnings") or ():
        start = item["location"]["ranges"][0]["start"]["line"]
        yield Finding(item["ruleName"], "Dockerfile", f"{lines[start - 1]}: {item['detail']}")


def _checkov_dockerfile(bench: Bench, subject: Subject) -> Iterator[Finding]:
    lines = _lines(subject)
    for item in _checkov(bench.program("checkov"), "dockerfile", "--file", subject.context / "Dockerfile"):
        yield Finding(item["check_id"], "Dockerfile", lines[item["file_line_range"][0] - 1])


def _checkov_secrets(program: str, layer: Path) -> Iterator[Finding]:
    for item in _checkov(program, "secrets", "--directory", layer, "--enable-secret-scan-all-files"):
        yield Finding(
            item["check_id"], item["file_path"], _line_of(layer, item["file_path"], item["file_line_range"][0])
        )


def _checkov(program: str, framework: str, kind: str, path: Path, *options: str) -> list[dict[str, Any]]:
    argv = (program, kind, str(path), "--framework", framework, "--output", "json", "--quiet", "--compact")
    report = json.loads(run((*argv, "--skip-download", *options), timeout=LAYER_SECONDS).stdout)
    found: list[dict[str, Any]] = report.get("results", {}).get("failed_checks", [])
    return found


def _detect_secrets(program: str, layer: Path) -> Iterator[Finding]:
    # Without --no-verify it asks the services whether a key is alive.
    argv = (program, "scan", "--all-files", "--no-verify", ".")
    found = json.loads(_require(run(argv, cwd=layer, timeout=LAYER_SECONDS), argv))["results"]
    for name, items in found.items():
        for item in items:
            yield Finding(item["type"], f"/{name}", _line_of(layer, name, item["line_number"]))


def _lines(subject: Subject) -> list[str]:
    return (subject.context / "Dockerfile").read_text(encoding="utf-8").splitlines()


def _line_of(layer: Path, name: str, number: int) -> str:
    lines = (layer / name.lstrip("/")).read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[number - 1] if number <= len(lines) else ""


def _ask(argv: tuple[str, ...]) -> str:
    return _require(run(argv, timeout=1800), argv)


def _require(done: Completed, argv: tuple[str, ...]) -> str:
    if done.returncode:
        raise CouldNotRunError(f"`{' '.join(argv)}` failed: {done.stderr}")
    return done.stdout
