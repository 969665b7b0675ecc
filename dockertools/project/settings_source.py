"""Read a settings module by its syntax tree: statements in order, star imports followed, nothing run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dockertools.project.environment_calls import asks_for_database, dotted, read_declaration, read_environment_call
from dockertools.project.evaluate import DECLARED, UNKNOWN, evaluate, plain
from dockertools.project.facts import EnvironmentVariable, Note

_DOCUMENT = re.compile(r"[\w./-]+\.(?:md|rst|txt)|(?:[\w./-]*/)?(?:VERSION|LICENSE)")
_ADDING = {"append", "extend", "insert", "update", "setdefault", "remove"}


@dataclass
class SettingsSource:
    """The names that a settings module ends up with, and the variables that it reads."""

    root: Path
    names: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, EnvironmentVariable] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    """The texts in the source that look like names of documents."""
    notes: list[Note] = field(default_factory=list)

    def relative(self, path: Path) -> str:
        """Return the path as it is shown."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


def read_settings_source(root: Path, search_path: tuple[Path, ...], module: str) -> SettingsSource:
    """Return what the module's source says; what cannot be read becomes a note."""
    source = SettingsSource(root)
    path = find_module(search_path, module)
    if path is None:
        source.notes.append(Note(f"the settings module {module} has no file; nothing is known of the settings"))
        return source
    _read_module(source, search_path, module, path)
    return source


def find_module(search_path: tuple[Path, ...], module: str) -> Path | None:
    """Return the file of a first-party module, None where it has none."""
    for folder in search_path:
        base = folder.joinpath(*module.split("."))
        for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None


def parse_file(source: SettingsSource, path: Path) -> ast.Module | None:
    """Return the file's tree; a syntax error becomes a note that says where it is."""
    try:
        return ast.parse(path.read_bytes())
    except SyntaxError as error:
        message = f"is not valid Python ({error.msg}); what it sets is not known, and assumed to be Django's defaults"
        source.notes.append(Note(message, source.relative(path), error.lineno or 0))
    except (OSError, ValueError) as error:
        source.notes.append(Note(f"cannot be read ({error}); what it sets is not known", source.relative(path)))
    return None


def _read_module(source: SettingsSource, search_path: tuple[Path, ...], module: str, path: Path) -> None:
    if path in source.files:
        return
    source.files.append(path)
    try:
        _take_in(source, search_path, module, path)
    except RecursionError:
        message = "is nested too deeply to be read; what it sets is not known"
        source.notes.append(Note(message, source.relative(path)))


def _take_in(source: SettingsSource, search_path: tuple[Path, ...], module: str, path: Path) -> None:
    tree = parse_file(source, path)
    if tree is None:
        return
    source.names["__file__"] = str(path)
    _declare(source, tree)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    _collect_variables(source, path, tree)
    source.words |= {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _DOCUMENT.fullmatch(node.value)
    }
    _Reader(source, search_path, package, path).run(tree.body)


def _declare(source: SettingsSource, tree: ast.Module) -> None:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    found = {name: evaluate(value, source.names) for call in calls for name, value in read_declaration(call).items()}
    source.names[DECLARED] = {**source.names.get(DECLARED, {}), **found}


def _collect_variables(source: SettingsSource, path: Path, tree: ast.Module) -> None:
    folders = _inside_paths(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr) or (call := read_environment_call(node)) is None:
            continue
        is_declared = call.name in source.names[DECLARED]
        required = call.is_required and not is_declared and not _is_guarded(tree, node, call.name)
        known = source.variables.get(call.name)
        if known is None or (known.is_required and not required):
            kind = "folder" if call.kind == "text" and id(node) in folders else call.kind
            place = (source.relative(path), node.lineno)
            source.variables[call.name] = EnvironmentVariable(call.name, required, kind, *place)


def _inside_paths(tree: ast.Module) -> set[int]:
    """Return the nodes whose value becomes a path: `Path(os.environ.get("DATA") or BASE_DIR / "data")`."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and dotted(node.func).endswith("Path"))
    return {id(below) for call in calls for argument in call.args[:1] for below in ast.walk(argument)}


def _is_guarded(tree: ast.Module, node: ast.expr, name: str) -> bool:
    """Tell whether the reading stands where the variable is known to be set: `if "X" in os.environ: ... ["X"]`."""
    for parent in ast.walk(tree):
        if isinstance(parent, (ast.If, ast.IfExp)):
            body: list[ast.AST] = [*parent.body] if isinstance(parent, ast.If) else [parent.body]
            test = ast.unparse(parent.test)
            if _holds(body, node) and (f"{name!r} in" in test or f"get({name!r}" in test):
                return True
        if isinstance(parent, ast.Try) and _holds([*parent.body], node):
            caught = {dotted(handler.type) for handler in parent.handlers if handler.type is not None}
            raises = any(isinstance(below, ast.Raise) for handler in parent.handlers for below in ast.walk(handler))
            return bool(caught & {"KeyError", "Exception"}) and not raises
    return False


def _holds(body: list[ast.AST], node: ast.expr) -> bool:
    return any(node is below for statement in body for below in ast.walk(statement))


@dataclass
class _Reader:
    source: SettingsSource
    search_path: tuple[Path, ...]
    package: str
    path: Path

    def run(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            for part in self._reached(statement):
                self._execute(part)

    def _reached(self, statement: ast.stmt) -> Iterator[ast.stmt]:
        """Yield the simple statements that may be run, in order."""
        match statement:
            case ast.If():
                test = asks_for_database(statement.test) or plain(evaluate(statement.test, self.source.names))
                taken = [] if test is not UNKNOWN and not test else statement.body
                other = statement.orelse if test is UNKNOWN or not test else []
                inner = [*taken, *other]
            case ast.Try():
                inner = [*statement.body, *statement.orelse, *statement.finalbody]
            case ast.With():
                inner = statement.body
            case _:
                yield statement
                return
        for part in inner:
            yield from self._reached(part)

    def _execute(self, statement: ast.stmt) -> None:
        match statement:
            case ast.ImportFrom():
                self._import(statement)
            case ast.Assign(targets=targets, value=value):
                found = evaluate(value, self.source.names)
                for target in targets:
                    self._assign(target, found)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, evaluate(value, self.source.names))
            case ast.AugAssign(target=target, value=value):
                known = evaluate(target, self.source.names)
                added = plain(evaluate(value, self.source.names))
                if isinstance(plain(known), list) and isinstance(added, list):
                    self._assign(target, [*plain(known), *added])
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=method), args=arguments)):
                if method in _ADDING:
                    self._mutate(owner, method, [evaluate(argument, self.source.names) for argument in arguments])

    def _assign(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self.source.names[target.id] = value
        elif isinstance(target, ast.Subscript):
            owner = plain(evaluate(target.value, self.source.names))
            key = plain(evaluate(target.slice, self.source.names))
            if isinstance(owner, dict) and isinstance(key, (str, int)):
                owner[key] = value

    def _mutate(self, owner: ast.expr, method: str, arguments: list[Any]) -> None:
        value = plain(evaluate(owner, self.source.names))
        last = plain(arguments[-1]) if arguments else UNKNOWN
        if isinstance(value, list) and last is not UNKNOWN:
            if method in ("append", "insert"):
                value.insert(0 if method == "insert" else len(value), last)
            elif method == "extend" and isinstance(last, list):
                value.extend(last)
            elif method == "remove" and last in value:
                value.remove(last)
        elif isinstance(value, dict) and method == "update" and isinstance(last, dict):
            value.update(last)

    def _import(self, statement: ast.ImportFrom) -> None:
        module = self._absolute(statement)
        path = find_module(self.search_path, module)
        wants_all = any(alias.name == "*" for alias in statement.names)
        if path is None:
            self._take(statement, {})
            return
        if wants_all:
            _read_module(self.source, self.search_path, module, path)
        elif path in self.source.files:
            # It was read for a star import, so that its names are here already.
            self._take(statement, self.source.names)
        else:
            inner = SettingsSource(self.source.root, files=list(self.source.files))
            _read_module(inner, self.search_path, module, path)
            self._take(statement, inner.names)
            if {alias.name for alias in statement.names} & {"BASE_DIR", "INSTALLED_APPS", "DATABASES", "env"}:
                self.source.variables |= {
                    name: found for name, found in inner.variables.items() if name not in self.source.variables
                }
        self.source.names["__file__"] = str(self.path)

    def _take(self, statement: ast.ImportFrom, names: Mapping[str, Any]) -> None:
        """Bind the imported names; those of what lies outside the project stay unknown."""
        for alias in statement.names:
            if alias.name != "*":
                self.source.names[alias.asname or alias.name] = names.get(alias.name, UNKNOWN)

    def _absolute(self, statement: ast.ImportFrom) -> str:
        if not statement.level:
            return statement.module or ""
        parts = self.package.split(".") if self.package else []
        parts = parts[: len(parts) - (statement.level - 1)]
        return ".".join([*parts, *((statement.module or "").split(".") if statement.module else ())])
