"""Each cause of the table has a real failing build behind it, where one can be made here."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from dockertools.build.diagnose import BuildFailedError
from dockertools.build.driver import build_image
from dockertools.build.options import BuildOptions
from dockertools.reports.build_progress import ignore
from tests.docker import docker, fresh_tag
from tests.failing_builds import FAILING, LONG, PYTHON, FailingBuild

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def uv_image(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An image with uv, which the failing builds with uv start from; the layer stays in the build cache."""
    folder = tmp_path_factory.mktemp("uv")
    (folder / "Dockerfile").write_text(PYTHON + "RUN pip install --no-cache-dir --root-user-action=ignore uv==0.13.9\n")
    docker("buildx", "build", "--load", "--provenance=false", "--tag", "dockertools-test/uv:latest", str(folder))
    yield
    docker("image", "rm", "--force", "dockertools-test/uv:latest")


def run_build(build: FailingBuild, folder: Path) -> BuildFailedError:
    folder.mkdir()
    (folder / "Dockerfile").write_text(build.dockerfile)
    for name, content in build.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode("latin-1"))
    options = BuildOptions(
        context=folder,
        dockerfile=folder / "Dockerfile",
        project=folder,
        tag=fresh_tag(),
        target=build.target,
        secrets=build.secrets,
        outputs=build.outputs,
        sbom=build.sbom,
    )
    with pytest.raises(BuildFailedError) as caught:
        build_image(options, ignore)
    return caught.value


@pytest.fixture(scope="module")
def builds(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[BuildFailedError]]]:
    """The short builds, some at once: they mostly wait for containers to start."""
    folder = tmp_path_factory.mktemp("builds")
    with ThreadPoolExecutor(3) as pool:
        yield {name: pool.submit(run_build, build, folder / name) for name, build in FAILING.items()}


def check(build: FailingBuild, error: BuildFailedError) -> None:
    failure = error.failed.failure
    assert failure.explanation is not None, f"{failure.error}\n" + "\n".join(failure.log)
    explanation = failure.explanation
    text = f"{explanation.cause}\n{explanation.fix}"
    assert explanation.id == build.cause, f"{text}\n" + "\n".join(failure.log)
    for words in build.says:
        assert words in text
    assert error.message.endswith(explanation.cause)
    assert (error.hint, error.exit_code) == (explanation.fix, 1)


@pytest.mark.parametrize("name", FAILING)
def test_a_failing_build_is_explained(name: str, builds: dict[str, Future[BuildFailedError]]) -> None:
    check(FAILING[name], builds[name].result())


@pytest.mark.matrix
@pytest.mark.parametrize("name", LONG)
def test_a_failing_build_that_takes_longer_is_explained(name: str, uv_image: None, tmp_path: Path) -> None:
    check(LONG[name], run_build(LONG[name], tmp_path / name))
