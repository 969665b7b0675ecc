"""What the project's source says, read and never run."""

from __future__ import annotations

import ast
import os
from collections.abc import Collection, Iterator
from pathlib import Path

_STARTERS = {
    "subprocess": ("run", "Popen", "call", "check_call", "check_output"),
    "os": ("system", "popen", "execvp", "execlp"),
    "asyncio": ("create_subprocess_exec",),
}
PROGRAM_STARTERS = tuple(f"{module}.{name}" for module, names in _STARTERS.items() for name in names)
"""What stands in code that `find_programs` finds something in."""
_OWN_PACKAGE = Path(__file__).parents[2]
_FOREIGN = frozenset({"tests", "node_modules", "site-packages", "__pycache__"})


def iterate_source(root: Path, words: Collection[str] = ()) -> Iterator[tuple[Path, ast.Module]]:
    """Yield the project's Python files, parsed; what does not parse is left out.

    So are those of tests and environments, and this package's own where the project keeps a copy of it.

    With `words`, files that hold none of them are left out too: looking for a word is a hundred times faster.
    """
    wanted = tuple(word.encode() for word in words)
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not _is_foreign(Path(folder, name)))
        for name in sorted(files):
            if name.endswith(".py") and not name.startswith("test_") and name != "conftest.py":
                path = Path(folder, name)
                try:
                    text = path.read_bytes()
                    if not wanted or any(word in text for word in wanted):
                        yield path, ast.parse(text)
                except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
                    continue


def _is_foreign(folder: Path) -> bool:
    return (
        folder.name.startswith(".")
        or folder.name in _FOREIGN
        or folder == _OWN_PACKAGE
        or (folder / "pyvenv.cfg").exists()
    )


def find_imports(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    """Yield what the module needs as (module, name or None); relative imports and those that may fail left out.

    An import may fail under `if TYPE_CHECKING` and in a `try` that handles its failure.
    """
    yield from _imports_of(tree.body)


def _imports_of(nodes: list[ast.stmt]) -> Iterator[tuple[str, str | None]]:
    for node in nodes:
        match node:
            case ast.Import():
                yield from ((alias.name, None) for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                yield from ((module, None if alias.name == "*" else alias.name) for alias in node.names)
            case ast.Try() if any(_handles_import_error(handler) for handler in node.handlers):
                yield from _imports_of([*node.orelse, *node.finalbody])
            case ast.If() if "TYPE_CHECKING" in ast.unparse(node.test):
                yield from _imports_of(node.orelse)
            case _:
                yield from _imports_of(list(_statements(node)))


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
            yield from _statements(child)


def _handles_import_error(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {name.id for name in ast.walk(handler.type) if isinstance(name, ast.Name)}
    return bool(names & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException", "OSError"})


def find_programs(tree: ast.Module) -> Iterator[str]:
    """Yield the programs that the module starts by a literal name, such as `subprocess.run(["pdftoppm", ...])`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and _starts_program(node.func):
            first = node.args[0]
            if isinstance(first, (ast.List, ast.Tuple)) and first.elts:
                first = first.elts[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value.strip():
                yield first.value.split()[0]


def _starts_program(function: ast.expr) -> bool:
    match function:
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            return name in _STARTERS.get(module, ())
    return False
