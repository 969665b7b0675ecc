"""Settings read from their source, and where they lie."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.errors import DockertoolsError
from dockertools.project.environment_calls import read_environment_call
from dockertools.project.evaluate import UNKNOWN, FromEnvironment, evaluate
from dockertools.project.facts import SettingsFacts
from dockertools.project.layout import find_layout
from dockertools.project.settings_facts import inspect_settings

MANAGE = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', '{module}')\n# django\n"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def facts(root: Path, source: str, **others: str) -> SettingsFacts:
    write(root, {"manage.py": MANAGE.format(module="site.settings"), "site/settings.py": source, **others})
    return inspect_settings(find_layout(root))[0]


def value(expression: str, **names: Any) -> Any:
    return evaluate(ast.parse(expression, mode="eval").body, names)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("['a', *B, 'c'] + B", ["a", "b", "c", "b"]),
        ("('a', unknown(), 'c')", ["a", "c"]),
        ("{'a': 1, **{'b': 2}}", {"a": 1, "b": 2}),
        ("Path('/srv/site/settings.py').resolve().parent.parent / 'media'", Path("/srv/media")),
        ("Path('/srv/a/b').parents[1]", Path("/srv")),
        ("os.path.join(os.path.dirname('/srv/a.py'), 'static')", Path("/srv/static")),
        ("f'redis://{host}:6379/0'", "redis://{}:6379/0"),
        ("'a' if 'test' in sys.argv else 'b'", "b"),
        ("'test' not in sys.argv", True),
        ("not DEBUG", True),
        ("os.getenv('DB') == 'mysql'", False),
        ("B[0]", "b"),
        ("_('German')", "German"),
        ("unknown.thing", UNKNOWN),
        ("1 / 0", UNKNOWN),
    ],
)
def test_values_of_expressions(expression: str, expected: Any) -> None:
    assert value(expression, B=["b"], DEBUG=False) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("os.environ['A']", FromEnvironment("A", "text")),
        ("os.environ.get('A', 'x')", FromEnvironment("A", "text", "x")),
        ("os.getenv('A') or 'x'", FromEnvironment("A", "text", "x")),
        ("env.db('DATABASE_URL')", FromEnvironment("DATABASE_URL", "database")),
        ("env.bool('DEBUG', default=False)", FromEnvironment("DEBUG", "bool", False)),
        ("config('PORT', default=1, cast=int)", FromEnvironment("PORT", "int", 1)),
        ("dj_database_url.config(default='sqlite:///x')", FromEnvironment("DATABASE_URL", "database", "sqlite:///x")),
        ("read_int(os.environ, 'AGE', default=3)", FromEnvironment("AGE", "int", 3)),
        ("get_secret('API_TOKEN')", FromEnvironment("API_TOKEN", "text", None)),
    ],
)
def test_values_from_the_environment(expression: str, expected: FromEnvironment) -> None:
    assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "required"),
    [
        ("os.environ['A']", True),
        ("env('A')", True),
        ("config('A')", True),
        ("env('A', default=None)", False),
        ("os.environ.get('A')", False),
        ("get_secret('A')", False),
    ],
)
def test_which_variables_must_be_set(expression: str, required: bool) -> None:
    call = read_environment_call(ast.parse(expression, mode="eval").body)
    assert call is not None
    assert call.is_required is required


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="abcABC_'[](){},.+*/:=<>! 0123\"", max_size=40))
def test_no_expression_breaks_the_evaluation(text: str) -> None:
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError):
        return
    evaluate(tree.body, {})


def test_statements_are_followed_in_their_order(tmp_path: Path) -> None:
    found = facts(
        tmp_path,
        "from .base import *\nINSTALLED_APPS += ['shop']\nINSTALLED_APPS.append('cart')\nINSTALLED_APPS.remove('old')\n"
        "if DEBUG:\n    INSTALLED_APPS += ['debug_toolbar']\ntry:\n    DATABASES['default']['ENGINE'] = "
        "'django.db.backends.mysql'\nexcept KeyError:\n    pass\n",
        **{"site/base.py": "DEBUG = False\nINSTALLED_APPS = ['old']\nDATABASES = {'default': {'HOST': 'db'}}\n"},
    )
    assert found.installed_apps == ("shop", "cart")
    assert [(item.engine, item.host) for item in found.databases] == [("mysql", "db")]


def test_a_database_says_which_variable_each_part_comes_from(tmp_path: Path) -> None:
    found = facts(
        tmp_path,
        "import os\nDATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': os.environ['DB'],\n"
        "'HOST': os.environ.get('DB_HOST', 'localhost'), 'USER': 'shop'}}\n",
    )
    (database,) = found.databases
    assert (database.engine, dict(database.variables)) == ("postgresql", {"NAME": "DB", "HOST": "DB_HOST"})


def test_a_variable_behind_a_test_for_it_is_not_required(tmp_path: Path) -> None:
    found = facts(tmp_path, "import os\nif 'A' in os.environ:\n    A = os.environ['A']\nB = os.environ['B']\n")
    assert {variable.name: variable.is_required for variable in found.variables} == {"A": False, "B": True}


@pytest.mark.parametrize(
    ("source", "languages"),
    [
        ("MIDDLEWARE = []", ("en-us",)),
        ("MIDDLEWARE = ['django.middleware.locale.LocaleMiddleware']", None),
        ("LANGUAGE_CODE = 'fr'\nLANGUAGES = [('fr', _('French')), ('nl', _('Dutch'))]", ("fr", "nl")),
        ("LANGUAGE_CODE = 'fr'\nUSE_I18N = False", ("fr",)),
        ("", None),
    ],
)
def test_languages_that_a_visitor_can_get(tmp_path: Path, source: str, languages: tuple[str, ...] | None) -> None:
    assert facts(tmp_path, source).languages == languages


def test_all_languages_stay_where_the_code_chooses_one(tmp_path: Path) -> None:
    found = facts(tmp_path, "MIDDLEWARE = []", **{"site/mail.py": "translation.activate(user.language)\n"})
    assert found.languages is None


def test_a_syntax_error_is_a_note_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, {"manage.py": MANAGE.format(module="site.settings"), "site/settings.py": "A = 1\nB = (\n"})
    settings_facts, notes = inspect_settings(find_layout(tmp_path))
    assert settings_facts.installed_apps is None
    assert str(notes[0]).startswith("site/settings.py:2: is not valid Python ('(' was never closed)")


def test_production_settings_are_chosen_over_local_ones(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "manage.py": MANAGE.format(module="site.settings.local"),
            "site/settings/__init__.py": "",
            "site/settings/local.py": "",
            "site/settings/production.py": "",
        },
    )
    layout = find_layout(tmp_path)
    assert layout.settings_module == "site.settings.production"
    assert "production is assumed to run with site.settings.production" in str(layout.notes[0])


def test_what_wsgi_says_counts_more_than_manage(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "manage.py": MANAGE.format(module="site.local"),
            "site/wsgi.py": MANAGE.format(module="site.live"),
            "site/local.py": "",
            "site/live.py": "",
        },
    )
    assert find_layout(tmp_path).settings_module == "site.live"


def test_of_two_manage_py_the_nearest_is_taken_and_the_other_named(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(("a/manage.py", "b/manage.py", "a/site/settings.py"), "# django\n"))
    layout = find_layout(tmp_path)
    assert layout.manage == "a/manage.py"
    assert str(layout.notes[0]) == "a/manage.py: is taken for the project's; there are others: b/manage.py"


def test_without_manage_py_a_named_settings_module_will_do(tmp_path: Path) -> None:
    write(tmp_path, {"site/settings.py": ""})
    assert "`python -m django`" in str(find_layout(tmp_path, settings_module="site.settings").notes[0])


def test_an_environment_is_no_place_for_projects(tmp_path: Path) -> None:
    write(tmp_path, {"env/pyvenv.cfg": "", "env/manage.py": "# django", "node_modules/x/manage.py": "# django"})
    with pytest.raises(DockertoolsError, match=r"is not a Django project"):
        find_layout(tmp_path)


def test_a_name_taken_again_from_a_star_import_is_not_lost(tmp_path: Path) -> None:
    base = "INSTALLED_APPS = ['shop']\n"
    source = "from .base import *\nfrom .base import INSTALLED_APPS\nINSTALLED_APPS += ['more']\n"
    assert facts(tmp_path, source, **{"site/base.py": base}).installed_apps == ("shop", "more")


def test_what_django_environ_declares_is_not_required(tmp_path: Path) -> None:
    source = (
        "import environ\nenv = environ.Env(DSN=(str, ''), ENGINE=(str, 'django.db.backends.mysql'))\n"
        "A = env('DSN')\nB = env('TOKEN')\nDATABASES = {'default': {'ENGINE': env('ENGINE')}}\n"
    )
    found = facts(tmp_path, source)
    assert {variable.name: variable.is_required for variable in found.variables} == {
        "DSN": False, "ENGINE": False, "TOKEN": True,
    }  # fmt: skip
    assert found.databases[0].engine == "mysql"


def test_an_engine_that_is_put_together_is_not_made_up(tmp_path: Path) -> None:
    assert facts(tmp_path, "DATABASES = {'default': {'ENGINE': f'django.db.backends.{read()}'}}\n").databases == ()


@pytest.mark.parametrize(
    ("files", "module", "note"),
    [
        ({"site/settings/base.py": ""}, "site.settings.base", "no script names the settings; site.settings.base is"),
        ({"site/settings/base.py": "", "site/settings/live.py": ""}, "site.settings.live", "no script names"),
        ({"site/settings/local.py": "", "site/wsgi.py": MANAGE.format(module="site.settings.local")},
         "site.settings.local", "site/wsgi.py:2: names site.settings.local, which look like somebody's own settings"),
    ],
)  # fmt: skip
def test_settings_that_no_script_names_for_production(
    tmp_path: Path, files: dict[str, str], module: str, note: str
) -> None:
    write(tmp_path, {"manage.py": "# django\n", "site/settings/__init__.py": "", **files})
    layout = find_layout(tmp_path)
    assert layout.settings_module == module
    assert str(layout.notes[0]).startswith(note)


def test_databases_that_only_a_run_shows_are_told(tmp_path: Path) -> None:
    write(tmp_path, {"manage.py": MANAGE.format(module="site.settings"), "site/settings.py": "DATABASES = read()\n"})
    assert [str(note) for note in inspect_settings(find_layout(tmp_path))[1]] == [
        "site/settings.py: DATABASES is not known before the settings run"
    ]


@pytest.mark.parametrize("test", ["'DATABASE_URL' in os.environ", "os.getenv('DATABASE_URL')"])
def test_production_sets_the_url_of_its_database(tmp_path: Path, test: str) -> None:
    source = (
        f"if {test}:\n    DATABASES = {{'default': dj_database_url.config()}}\n"
        "else:\n    DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'db'}}\n"
    )
    assert facts(tmp_path, source).databases[0].variables == {"URL": "DATABASE_URL"}
