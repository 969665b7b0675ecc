"""What the running application opens: no image of it can do with less."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from bench.ways.apps import App
from bench.ways.engine import BenchEngine
from bench.ways.sizes import running

_DOCKERFILE = """\
FROM {image}
USER 0
RUN apt-get update && apt-get install --yes --no-install-recommends strace
"""
_STRACE = ("strace", "-f", "-qq", "-e", "trace=open,openat,execve", "-e", "status=successful", "-o", "/tmp/trace")  # noqa: S108  # in the container
_SUM = r"""
import json, os, re
found = set()
for name in re.findall(r'(?:open\(|openat\(\w+, |execve\()"([^"]+)"', open("/tmp/trace", errors="replace").read()):
    path = os.path.realpath(os.path.join(os.getcwd(), name))
    if os.path.isfile(path) and not path.startswith(("/proc/", "/sys/", "/dev/", "/tmp/")) and "strace" not in path:
        found.add(path)
print(json.dumps({path: os.lstat(path).st_size for path in found}))
"""


def traced_files(engine: BenchEngine, app: App, image: str) -> dict[str, int]:
    """Return the files that the image's command opens until the smoke test has passed, and the bytes of each.

    The interpreter and the libraries that the loader maps are among them. The image must have apt.
    """
    command = json.loads(engine.call("docker", "image", "inspect", "--format", "{{json .Config.Cmd}}", image))
    tag = f"{image.partition(':')[0]}-traced:latest"
    with tempfile.TemporaryDirectory(prefix="bench-traced-") as folder:
        Path(folder, "Dockerfile").write_text(_DOCKERFILE.format(image=image), encoding="utf-8")
        engine.call("docker", "buildx", "build", "--load", "--provenance=false", f"--tag={tag}", folder)
    try:
        with running(engine, app, tag, "--cap-add=SYS_PTRACE", command=(*_STRACE, *command)) as (container, url):
            app.smoke(engine, container, url)
            files: dict[str, int] = json.loads(engine.call("docker", "exec", container, "python", "-c", _SUM))
            return files
    finally:
        engine.call("docker", "image", "rm", "--force", tag)
