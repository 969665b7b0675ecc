"""Recognize how settings read environment variables: `os.environ`, django-environ, decouple, environs, helpers."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_HELPER = re.compile(r"env|secret|config", re.IGNORECASE)
_ENVIRONS = ("os.environ", "environ")
_READERS = ("os.getenv", "getenv", "os.environ.get", "environ.get", "os.environ.setdefault", "os.environ.pop")
_CALLERS = {"env", "config", "environment", "ENV"}
_DATABASE_URL = ("dj_database_url.config", "dj_database_url.parse")
_KINDS = {
    "bool": "bool", "boolean": "bool", "int": "int", "float": "int",
    "db": "database", "db_url": "database", "dj_db_url": "database",
    "cache": "cache", "cache_url": "cache", "dj_cache_url": "cache",
    "email": "email", "email_url": "email", "dj_email_url": "email",
    "search_url": "url", "url": "url", "channels": "cache", "channels_url": "cache",
}  # fmt: skip
_DEFAULT_NAMES = {"database": "DATABASE_URL", "cache": "CACHE_URL", "email": "EMAIL_URL"}


@dataclass(frozen=True)
class EnvironmentCall:
    """One reading of a variable; `default` is the expression used where it is not set, None where there is none."""

    name: str
    kind: str
    default: ast.expr | None
    may_be_missing: bool

    @property
    def is_required(self) -> bool:
        """Whether the settings fail when the variable is not set."""
        return self.default is None and not self.may_be_missing


def read_environment_call(node: ast.expr) -> EnvironmentCall | None:
    """Return which variable the expression reads, None when it reads none."""
    if isinstance(node, ast.Subscript):
        name = _constant(node.slice)
        if name and dotted(node.value) in _ENVIRONS:
            return EnvironmentCall(name, kind_of(name), None, may_be_missing=False)
        return None
    if not isinstance(node, ast.Call):
        return None
    function = dotted(node.func)
    if function in _READERS:
        return _named(node, node.args, may_be_missing=True)
    if function in _DATABASE_URL:
        return _database_url(node, function)
    return _caller(node, function) or _helper(node, function)


def read_declaration(node: ast.Call) -> dict[str, ast.expr]:
    """Return the defaults in `environ.Env(NAME=(type, default))`, by name; nothing for another call."""
    if dotted(node.func).rpartition(".")[2] not in ("Env", "FileAwareEnv"):
        return {}
    pairs = ((keyword.arg, keyword.value) for keyword in node.keywords)
    return {
        name: value.elts[1]
        for name, value in pairs
        if name and isinstance(value, ast.Tuple) and len(value.elts) == 2  # a pair
    }


def asks_for_database(test: ast.expr) -> bool:
    """Tell whether a condition is that the variable with the database's URL is set, as it is in production."""
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.In):
        name = _constant(test.left) if dotted(test.comparators[0]) in _ENVIRONS else ""
        return kind_of(name) == "database"
    call = read_environment_call(test)
    return call is not None and call.kind == "database"


def dotted(node: ast.expr) -> str:
    """Return `os.environ.get` for such an expression, an empty string for anything that is no name."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def kind_of(name: str) -> str:
    """Return what sort of value a variable of this name usually holds."""
    if name in ("DATABASE_URL", "DB_URL") or name.endswith("_DATABASE_URL"):
        return "database"
    if "REDIS_URL" in name or "BROKER_URL" in name or name in ("CACHE_URL", "RESULT_BACKEND"):
        return "cache"
    if name.endswith(("_PORT", "_TIMEOUT", "_SECONDS", "_AGE")):
        return "int"
    if name.endswith(("DEBUG", "_ENABLED", "_SSL", "_TLS")):
        return "bool"
    return "url" if name.endswith(("_URL", "_DSN")) else "text"


def _constant(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and _VARIABLE.fullmatch(node.value):
        return node.value
    return ""


def _keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)


def _named(
    node: ast.Call, arguments: list[ast.expr], *, may_be_missing: bool, kind: str = ""
) -> EnvironmentCall | None:
    name = _constant(arguments[0] if arguments else None)
    if not name:
        return None
    default = _keyword(node, "default") or (arguments[1] if len(arguments) > 1 else None)
    if isinstance(default, ast.Name) and default.id in ("str", "bool", "int", "list", "float"):
        default = _keyword(node, "default")
    return EnvironmentCall(name, kind or kind_of(name), default, may_be_missing)


def _database_url(node: ast.Call, function: str) -> EnvironmentCall | None:
    if function.endswith("parse"):
        return read_environment_call(node.args[0]) if node.args else None
    name = _constant(_keyword(node, "env")) or "DATABASE_URL"
    default = _keyword(node, "default") or (node.args[0] if node.args else None)
    return EnvironmentCall(name, "database", default, may_be_missing=True)


def _caller(node: ast.Call, function: str) -> EnvironmentCall | None:
    """Read `env("X")`, `env.db()`, `config("X", default=..., cast=bool)`."""
    first, _, method = function.partition(".")
    if first not in _CALLERS or "." in method:
        return None
    kind = _KINDS.get(method, "")
    cast = _keyword(node, "cast")
    if cast is not None:
        kind = _KINDS.get(dotted(cast), kind)
    call = _named(node, node.args, may_be_missing=False, kind=kind)
    if call is None and not node.args and kind in _DEFAULT_NAMES:
        return EnvironmentCall(_DEFAULT_NAMES[kind], kind, _keyword(node, "default"), may_be_missing=False)
    return call


def _helper(node: ast.Call, function: str) -> EnvironmentCall | None:
    """Read the project's own helpers: `read_bool(os.environ, "DEBUG")`, `get_env("DEBUG")`."""
    if not function:
        return None
    if node.args and dotted(node.args[0]) in _ENVIRONS:
        name = function.rpartition(".")[2]
        kind = next((value for key, value in _KINDS.items() if key in ("bool", "int") and key in name), "")
        return _named(node, node.args[1:], may_be_missing=True, kind=kind)
    if _HELPER.search(function.rpartition(".")[2]):
        return _named(node, node.args, may_be_missing=True)
    return None
