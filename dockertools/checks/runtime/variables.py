"""Which environment variables the settings read, from their source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import resolve_name

SECRET_WORDS = ("SECRET", "PASSWORD", "TOKEN", "API_KEY", "PRIVATE_KEY", "_KEY")


@dataclass(frozen=True)
class VariableRead:
    """A place where a variable is read; `is_required` when nothing stands in for it."""

    name: str
    line: int
    is_required: bool

    @property
    def is_secret(self) -> bool:
        """Whether the name is that of a secret, which has no sensible default."""
        return any(word in self.name.upper() for word in SECRET_WORDS)


def find_variable_reads(source: str | bytes) -> tuple[VariableRead, ...]:
    """Return the variables that the module reads by a literal name.

    Known are `os.environ[...]`, `os.environ.get`, `os.getenv`, calls that are given `os.environ` and a name, and the
    readers of django-environ, environs and python-decouple (`env("X")`, `env.bool("X")`, `config("X")`).
    """
    tree = ast.parse(source)
    guarded = set(_guarded(tree))
    reads = {}
    for node in ast.walk(tree):
        read = _read(node, is_guarded=id(node) in guarded)
        if read is not None and (read.name not in reads or read.is_required):
            reads[read.name] = read
    return tuple(sorted(reads.values(), key=lambda read: (read.line, read.name)))


def find_star_imports(source: str | bytes, package: str) -> tuple[str, ...]:
    """Return the modules of which the source takes all names; `package` is the one that relative names start from."""
    return tuple(
        resolve_name("." * node.level + (node.module or ""), package) if node.level else str(node.module)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    )


def _guarded(tree: ast.Module) -> Iterator[int]:
    """Yield the nodes with something that stands in for them: left of `or`, in an `if`, in a `try`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp):
            yield from (id(value) for value in node.values)
        elif isinstance(node, (ast.If, ast.IfExp)):
            yield from (id(child) for child in ast.walk(node.test))
        elif isinstance(node, ast.Try):
            yield from (id(child) for statement in node.body for child in ast.walk(statement))
        elif isinstance(node, ast.NamedExpr):
            yield id(node.value)


def _read(node: ast.AST, *, is_guarded: bool) -> VariableRead | None:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _is_environ(node.value):
        name = _literal(node.slice)
        return VariableRead(name, node.lineno, is_required=not is_guarded) if name else None
    if not isinstance(node, ast.Call) or not node.args:
        return None
    name, has_default = _called(node)
    return VariableRead(name, node.lineno, is_required=not has_default and not is_guarded) if name else None


def _called(node: ast.Call) -> tuple[str, bool]:
    """Return the name that a call reads, or an empty text, and whether it has a default."""
    function = node.func
    has_default = len(node.args) > 1 or any(keyword.arg == "default" for keyword in node.keywords)
    if isinstance(function, ast.Attribute) and function.attr == "get" and _is_environ(function.value):
        return _literal(node.args[0]), has_default
    if isinstance(function, ast.Attribute) and function.attr == "getenv":
        return _literal(node.args[0]), has_default
    if _is_environ(node.args[0]) and len(node.args) > 1:
        return _literal(node.args[1]), True  # what the reader makes of a missing variable is its own affair
    root = function.value if isinstance(function, ast.Attribute) else function
    if isinstance(root, ast.Name) and root.id in ("env", "config"):
        return _literal(node.args[0]), has_default
    return "", False


def _is_environ(node: ast.expr) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "environ") or (
        isinstance(node, ast.Name) and node.id == "environ"
    )


def _literal(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
