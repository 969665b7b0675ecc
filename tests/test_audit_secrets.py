"""What is taken for a secret, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.checks.image.config import RecordedSecret, find_recorded_secrets
from dockertools.checks.image.secrets import (
    find_secret,
    find_secret_name,
    is_placeholder,
    is_secret_variable,
    looks_random,
    url_password,
)
from tests.audit_images import GITHUB_TOKEN, PRIVATE_KEY

URL_IN_RUN = ("", "a URL with a password in a command of RUN")
BUILDKIT = "/bin/sh -c pip install shop # buildkit"


@pytest.mark.parametrize(
    ("path", "content", "code"),
    [
        ("app/settings.py", "DEBUG = False\nSECRET_KEY = os.environ['SECRET_KEY']\n", None),
        ("app/settings.py", 'SECRET_KEY = env("SECRET_KEY", default="django-insecure-0123456789abcdef")\n', None),
        ("app/settings.py", 'SECRET_KEY = "django-insecure-)x4!q8mz0+k5t7c9"\n', "django-secret-key"),
        ("app/settings.py", "SECRET_KEY: str = 'v3ry-l0ng-and-0dd-enough-to-be-one'  # prod\r\n", "django-secret-key"),
        ("app/settings.py", 'SECRET_KEY = "change-me-before-you-deploy-this"\n', None),
        ("app/tests/keys/server.key", PRIVATE_KEY, "private-key-content"),
        ("usr/lib/python3/dist-packages/x/tests/a.pem", PRIVATE_KEY, "private-key-content"),
        ("app/readme.md", "-----BEGIN PRIVATE KEY-----\n...\n", None),
        ("app/a.py", f"TOKEN = '{GITHUB_TOKEN}'", "token"),
        ("app/a.sh", "psql postgres://shop:s3cr3tPassw0rd@db/shop", "url-password"),
        ("app/a.md", "DATABASE_URL=postgres://user:password@localhost/db", None),
        ("app/a.yml", "url: postgres://shop:${PASSWORD}@db/shop", None),
        ("opt/venv/lib/python3.11/site-packages/x/doc.py", "postgres://scott:t1gerT1ger9@localhost/x", None),
        ("app/a.json", '{"api_key": "9f8aX72kQpLm31Zt88vB"}', "hard-coded-secret"),
        ("app/a.py", 'password = "correct horse battery staple"', None),
        ("app/a.py", 'token = "aaaaaaaaaaaaaaaaaaaa"', None),
        ("app/ünï\udcff.py", f"'{GITHUB_TOKEN}'", "token"),
    ],
)
def test_contents(path: str, content: str, code: str | None) -> None:
    found = find_secret(path, content.encode())
    assert (found[0] if found else None) == code


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("app/settings.py", None),
        ("app/secrets.py", None),
        ("app/.env", "env-file"),
        ("app/.env.example", None),
        ("app/config/prod.env", "env-file"),
        ("root/.ssh/known_hosts", "private-key"),
        ("app/tests/id_rsa", "private-key"),
        ("root/.aws/credentials", "credentials"),
        ("home/x/.docker/config.json", "credentials"),
        ("app/db.sqlite3", "database"),
        ("app/environment.py", None),
    ],
)
def test_names(path: str, code: str | None) -> None:
    found = find_secret_name(path)
    assert (found[0] if found else None) == code


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SECRET_KEY", "x", False),
        ("SECRET_KEY", "q8mz0k5t", True),
        ("SECRET_KEY_FILE", "/run/secrets/key", False),
        ("POSTGRES_PASSWORD", "postgres", True),
        ("POSTGRES_PASSWORD", "", False),
        ("POSTGRES_PASSWORD", "/run/secrets/password", False),
        ("GPG_KEY", "A035C8C19219BA821ECEA86B64E628F8D684696D", False),
        ("TOKENIZERS_PARALLELISM", "false", False),
        ("PASSWORD_RESET_TIMEOUT", "3600", False),
        ("DATABASE_URL", "postgres://a:b@c/d", True),
        ("DATABASE_URL", "postgres://db/d", False),
        ("ANYTHING", GITHUB_TOKEN, True),
        ("DATABASE_URL", "postgres://[broken", False),
    ],
)
def test_variables(name: str, value: str, expected: bool) -> None:
    assert is_secret_variable(name, value) is expected


@pytest.mark.parametrize(
    ("instruction", "secrets"),
    [
        (f"RUN |1 PIP_TOKEN=pt-93hf83hf83hf {BUILDKIT}", [("PIP_TOKEN", "a build argument")]),
        (f"RUN |2 WHEELS=pip setuptools PORT=8000 {BUILDKIT}", []),
        ("ARG DB_PASSWORD=pass83hf8w3hf", [("DB_PASSWORD", "a build argument")]),
        ("ARG DB_PASSWORD", []),
        ("RUN /bin/sh -c SECRET_KEY=only-for-the-build python manage.py collectstatic", []),
        ("RUN /bin/sh -c SECRET_KEY='9f8aX72kQpLm31Zt' python manage.py x", [("SECRET_KEY", "a command of RUN")]),
        ("RUN /bin/sh -c git clone https://ci:Xk29dkw02k@git.example/x", [URL_IN_RUN]),
        ("RUN /bin/sh -c git clone https://git.example/x", []),
        (f"RUN /bin/sh -c curl -H 'Authorization: token {GITHUB_TOKEN}' x", [("", "a token in a command of RUN")]),
        ("", []),
    ],
)
def test_history(instruction: str, secrets: list[tuple[str, str]]) -> None:
    assert find_recorded_secrets((instruction,)) == tuple(RecordedSecret(*secret) for secret in secrets)


@given(st.text(max_size=80), st.binary(max_size=200))
@settings(deadline=None, max_examples=200)
def test_nothing_that_is_in_a_file_is_too_odd(text: str, content: bytes) -> None:
    find_secret(text, content)
    find_secret_name(text)
    find_recorded_secrets((text,))
    is_placeholder(text)
    assert isinstance(url_password(text), str)


@given(st.from_regex(r"[A-Za-z]+", fullmatch=True))
@settings(deadline=None, max_examples=100)
def test_words_do_not_look_random(word: str) -> None:
    assert not looks_random(word)
