"""`make demo`: build the image, start the service with PostgreSQL, use it once, and leave it running."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "cvimprover-demo"
CV = {
    "name": "Ada Example",
    "title": "Backend developer",
    "text": "EXPERIENCE\nBackend developer, Example Ltd, 2021 - 2024\n"
    "- Was responsible for the payment service\n- Worked on various improvements\n",
}


def main(arguments: list[str]) -> int:
    """Run `up` or `down`; return the exit code."""
    try:
        match arguments:
            case ["up"]:
                up()
            case ["down"]:
                down()
            case _:
                sys.stderr.write("usage: python -m scripts.demo up|down\n")
                return 2
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"demo: `{' '.join(error.cmd)}` failed (exit {error.returncode}).\n")
        return 1
    except (urllib.error.URLError, AssertionError) as error:
        sys.stderr.write(f"demo: the service does not answer as it should: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def up() -> None:
    """Build, start, and try the service."""
    say("python manage.py docker_build")
    call(sys.executable, "manage.py", "docker_build")
    settings = read_settings() or new_settings()
    say("docker compose up")
    compose(settings, "up", "--detach", "--wait", "--wait-timeout", "120")
    url = f"http://127.0.0.1:{settings['WEB_PORT']}"
    use(url)
    say(f"The service runs at {url}/ . `make demo-down` ends it and removes its data.")


def down() -> None:
    """End the service and remove its data."""
    settings = read_settings() or new_settings()
    compose(settings, "down", "--volumes", "--remove-orphans", "--timeout", "10")
    settings_file().unlink(missing_ok=True)


def use(url: str) -> None:
    """Post a CV, have it improved, fetch its PDF; each answer is shown in a line."""
    cv = ask("POST", f"{url}/api/cvs/", CV)
    say(f"POST /api/cvs/ -> {cv['url']}")
    review = ask("POST", f"{url}{cv['url']}/improve")
    say(f"POST {cv['url']}/improve -> score {review['score']}, {len(review['suggestions'])} suggestions, the first:")
    say(f"     {review['suggestions'][0]['advice']}")
    with urllib.request.urlopen(f"{url}{cv['url']}/pdf", timeout=30) as response:  # noqa: S310  # http on loopback
        pdf = response.read()
    assert pdf.startswith(b"%PDF-"), pdf[:20]  # noqa: S101  # what is shown here must be so
    say(f"GET {cv['url']}/pdf -> {len(pdf)} bytes of PDF")


def ask(method: str, url: str, body: dict[str, Any] | None = None) -> Any:
    """Return the JSON answer of the API."""
    request = urllib.request.Request(  # noqa: S310  # http on loopback
        url,
        method=method,
        data=json.dumps(body).encode() if body else b"",
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310  # http on loopback
        return json.load(response)


def compose(settings: dict[str, str], *words: str) -> None:
    """Run docker compose on the demo's own project."""
    call(
        *("docker", "compose", "--project-name", PROJECT, "--file", "docker-compose.yml", *words),
        env={**settings, "DJANGO_INSECURE_HTTP": "1"},
    )


def call(*argv: str, env: dict[str, str] | None = None) -> None:
    """Run a command of the demo; raise CalledProcessError when it fails."""
    subprocess.run(argv, cwd=ROOT, env={**os.environ, **(env or {})}, check=True)


def settings_file() -> Path:
    """Return where the demo's secrets and port are kept while it runs: the database remembers its password."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return state / "dockertools" / f"{PROJECT}.json"


def read_settings() -> dict[str, str] | None:
    """Return the settings of the demo that is there, if one is."""
    try:
        loaded: dict[str, str] = json.loads(settings_file().read_text())
    except (FileNotFoundError, ValueError):
        return None
    return loaded


def new_settings() -> dict[str, str]:
    """Make secrets, choose a free loopback port, and keep them for the owner's eyes alone."""
    settings = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
        "WEB_PORT": str(free_port()),
    }
    path = settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(settings))
    return settings


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def say(text: str) -> None:
    """Print a line at once."""
    print(f"demo: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
