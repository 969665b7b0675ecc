from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dockertools.build.events import LogEvent, PlainEvent, StepEvent
from dockertools.build.progress import LONGEST_LOG_LINE, BuildProgress
from dockertools.build.redact import MASK, looks_secret, make_redactor, redact_patterns, secret_values
from tests.streams import Player

quick = settings(deadline=None, max_examples=80)
values = st.text(st.characters(codec="utf-8", exclude_characters="*", exclude_categories=["Cc", "Z"]), min_size=4)
texts = st.text(max_size=40)


@pytest.mark.parametrize(
    "name",
    [
        "PASSWORD",
        "DB_PASSWD",
        "GITHUB_TOKEN",
        "SECRET_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "api-key",
        "NPM_AUTH",
        "SENTRY_DSN",
        "GH_PAT",
        "PRIVATE_KEY",
        "MyPassword",
    ],
)
def test_a_name_that_tells_of_a_secret_is_recognized(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize("name", ["PYTHON_VERSION", "BASE_IMAGE", "AUTHOR", "HTTP_PROXY", "PATH", "KEYBOARD", "DEBUG"])
def test_other_names_are_not(name: str) -> None:
    assert not looks_secret(name, "value")


def test_credentials_in_a_value_make_it_a_secret() -> None:
    assert looks_secret("PIP_INDEX_URL", "https://user:hunter2@pypi.example.com/simple")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET https://user:hunter2@pypi.example.com/x", "GET https://***@pypi.example.com/x"),
        ("https://ghp_token@github.com/x", "https://***@github.com/x"),
        ("git+https://x-access-token:abc@github.com", "git+https://***@github.com"),
        ("ssh://git@github.com/x", "ssh://git@github.com/x"),
        ("postgres://app:p%40ss@db:5432/app", "postgres://***@db:5432/app"),
        ("redis://:pass@cache:6379", "redis://***@cache:6379"),
        ("https://example.com/a@b?c=d@e", "https://example.com/a@b?c=d@e"),
        ("mail me@example.com", "mail me@example.com"),
        ("key AKIAIOSFODNN7EXAMPLE.", "key ***."),
        ("ghp_" + "a" * 36, MASK),
        ("glpat-" + "a" * 20, MASK),
        ("pypi-" + "A" * 60, MASK),
    ],
)
def test_secrets_are_known_by_their_form(text: str, expected: str) -> None:
    assert redact_patterns(text) == expected


@quick
@given(values, texts, texts)
def test_a_known_value_is_nowhere_in_the_text(value: str, before: str, after: str) -> None:
    assert value not in make_redactor([value])(f"{before}{value}{after}{value}")


@quick
@given(values)
def test_a_value_quoted_for_a_url_is_masked_too(value: str) -> None:
    assume(quote(value, safe="") != value)
    assert quote(value, safe="") not in make_redactor([value])(f"https://host/?token={quote(value, safe='')}")


@quick
@given(st.lists(values, max_size=5), texts)
def test_masking_twice_changes_nothing_more(secrets: list[str], text: str) -> None:
    redact = make_redactor(secrets)
    assert redact(redact(text)) == redact(text)


def test_a_short_value_is_masked_as_a_word_only() -> None:
    assert make_redactor(["ab"])("ab cab ab.") == "*** cab ***."


def test_each_line_of_a_key_is_masked() -> None:
    redact = make_redactor(["-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n"])
    assert "MIIEvQ" not in redact("key: MIIEvQIBADANBg")


def test_values_of_secrets_come_from_files_and_variables(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n")
    found = secret_values(
        [("PASSWORD", "from-argument"), ("VERSION", "3.11")],
        ["id=a,src=token", "id=b,env=VARIABLE", "id=NAME", "type=file,id=c,source=missing"],
        folder=tmp_path,
        environment={"VARIABLE": "from-variable", "NAME": "from-name"},
    )
    assert found == ("from-argument", "from-file\n", "from-variable", "from-name")


def test_what_comes_in_two_pieces_is_masked_all_the_same() -> None:
    progress = BuildProgress(make_redactor(["hunter2-hunter2"]))
    progress.apply(StepEvent("a", "RUN echo hunter2-hunter2", started=1.0))
    progress.apply(LogEvent("a", "it is hunter2-"))
    progress.apply(LogEvent("a", "hunter2\nand hunter2-hun"))
    progress.apply(LogEvent("a", "ter2"))
    progress.apply(StepEvent("a", "", started=1.0, completed=2.0, error="`echo hunter2-hunter2` failed"))
    progress.apply(PlainEvent("ERROR: hunter2-hunter2"))
    assert list(progress.steps["a"].log) == ["it is ***", "and ***"]
    assert "hunter2" not in repr(progress)


@pytest.mark.parametrize("at", [3_990, 3_999, 7_995])
@pytest.mark.parametrize("piece", [10_000, 4_001, 100])
def test_a_secret_where_a_long_line_is_cut_is_masked(at: int, piece: int) -> None:
    progress = BuildProgress(make_redactor(["hunter2-hunter2"]))
    text = "x" * at + "hunter2-hunter2" + "y" * 5000 + "\n"
    for start in range(0, len(text), piece):
        progress.apply(LogEvent("a", text[start : start + piece]))
    (line,) = progress.steps["a"].log
    assert len(line) <= LONGEST_LOG_LINE
    assert "hunter" not in line
    assert "ter2" not in line


@pytest.mark.parametrize(
    "content",
    [
        "machine pypi.example.com login me password hunter2-hunter2\n",
        "//registry.example.com/:_authToken=hunter2-hunter2\n",
        "DB_PASSWORD='hunter2-hunter2'\nDEBUG=1\n",
        '{"token": "hunter2-hunter2"}',
        "[pypi]\npassword = hunter2-hunter2\n",
    ],
)
def test_a_password_in_a_file_of_others_is_masked_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / "file").write_text(content)
    redact = make_redactor(secret_values([], ["id=x,src=file"], folder=tmp_path, environment={}))
    assert redact("< 401 for hunter2-hunter2, machine") == "< 401 for ***, machine"


def test_the_secret_of_a_recorded_build_is_masked() -> None:
    shown: list[str] = []
    player = Player("secret", redact=make_redactor(["hunter2-of-the-recording"]))
    progress = player.play(lambda progress, _finished: shown.append(repr(progress)))
    assert "***" in repr(progress)
    assert not any("hunter2" in text for text in shown if "partial='hunter2" not in text)
