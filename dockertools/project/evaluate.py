"""Work out values of a settings module from its syntax tree, without running any of it.

What cannot be worked out is UNKNOWN; what comes from the environment is FromEnvironment, with its default's value.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dockertools.project.environment_calls import dotted, read_environment_call


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        return False


UNKNOWN: Final = _Unknown()
GAP = "{}"
"""Stands in a text for the part that cannot be worked out."""


DECLARED = "(declared)"
"""No name of Python's: the defaults that `environ.Env(...)` declares are kept under it."""


@dataclass(frozen=True)
class FromEnvironment:
    """The value of a variable; `default` is UNKNOWN where it must be set."""

    name: str
    kind: str
    default: Any = UNKNOWN

    def __bool__(self) -> bool:
        return bool(self.default)


def plain(value: Any) -> Any:
    """Return what the value is where no variable is set."""
    return plain(value.default) if isinstance(value, FromEnvironment) else value


def evaluate(node: ast.expr, names: Mapping[str, Any]) -> Any:
    """Return the value of the expression, `names` being what the module has assigned so far."""
    call = read_environment_call(node)
    if call is not None:
        missing = names.get(DECLARED, {}).get(call.name, None if call.may_be_missing else UNKNOWN)
        default = missing if call.default is None else evaluate(call.default, names)
        return FromEnvironment(call.name, call.kind, default)
    handler = _HANDLERS.get(type(node))
    return handler(node, names) if handler else UNKNOWN


def _constant(node: ast.Constant, _names: Mapping[str, Any]) -> Any:
    return node.value


def _name(node: ast.Name, names: Mapping[str, Any]) -> Any:
    return names.get(node.id, UNKNOWN)


def _items(node: ast.List | ast.Tuple | ast.Set, names: Mapping[str, Any]) -> Any:
    found: list[Any] = []
    for element in node.elts:
        if isinstance(element, ast.Starred):
            value = plain(evaluate(element.value, names))
            found += value if isinstance(value, list) else []
        elif (value := evaluate(element, names)) is not UNKNOWN:
            found.append(value)
    return found


def _dict(node: ast.Dict, names: Mapping[str, Any]) -> Any:
    found: dict[Any, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            merged = plain(evaluate(value, names))
            found |= merged if isinstance(merged, dict) else {}
            continue
        name = plain(evaluate(key, names))
        if isinstance(name, (str, int)):
            found[name] = evaluate(value, names)
    return found


def _binary(node: ast.BinOp, names: Mapping[str, Any]) -> Any:
    left, right = plain(evaluate(node.left, names)), plain(evaluate(node.right, names))
    if isinstance(node.op, ast.Div) and isinstance(left, Path) and isinstance(right, (str, Path)):
        return left / right
    if isinstance(node.op, ast.Add):
        if isinstance(left, list) or isinstance(right, list):
            return [*(left if isinstance(left, list) else ()), *(right if isinstance(right, list) else ())]
        if isinstance(left, str) or isinstance(right, str):
            return _text(left) + _text(right)
    if isinstance(node.op, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
        return left | right
    return UNKNOWN


def _text(value: Any) -> str:
    value = plain(value)
    return str(value) if isinstance(value, (str, int, Path)) else GAP


def _boolean(node: ast.BoolOp, names: Mapping[str, Any]) -> Any:
    value: Any = UNKNOWN
    for position, part in enumerate(node.values):
        found = evaluate(part, names)
        if isinstance(node.op, ast.And):
            if not plain(found):
                return found
            value = found
            continue
        if isinstance(value, FromEnvironment) and position:
            return FromEnvironment(value.name, value.kind, plain(value) or found)
        if plain(found):
            return found
        value = found if position == 0 or value is UNKNOWN else value
    return value


def _unary(node: ast.UnaryOp, names: Mapping[str, Any]) -> Any:
    value = plain(evaluate(node.operand, names))
    if isinstance(node.op, ast.Not) and value is not UNKNOWN:
        return not value
    return -value if isinstance(node.op, ast.USub) and isinstance(value, (int, float)) else UNKNOWN


def _choice(node: ast.IfExp, names: Mapping[str, Any]) -> Any:
    test = plain(evaluate(node.test, names))
    first, second = evaluate(node.body, names), evaluate(node.orelse, names)
    if test is UNKNOWN:
        return second if first is UNKNOWN else first
    return first if test else second


def _compare(node: ast.Compare, names: Mapping[str, Any]) -> Any:
    # A run of the tests, or of a command, is not what the image is for.
    if any(dotted(part) == "sys.argv" for part in node.comparators):
        return isinstance(node.ops[0], ast.NotIn)
    left, right = (plain(evaluate(part, names)) for part in (node.left, node.comparators[0]))
    if left is UNKNOWN or right is UNKNOWN or len(node.ops) > 1:
        return UNKNOWN
    operator = node.ops[0]
    if isinstance(operator, (ast.Eq, ast.Is)):
        return left == right
    if isinstance(operator, (ast.NotEq, ast.IsNot)):
        return left != right
    if isinstance(operator, (ast.In, ast.NotIn)) and isinstance(right, (list, str, dict)):
        return (left in right) == isinstance(operator, ast.In)
    return UNKNOWN


def _formatted(node: ast.JoinedStr, names: Mapping[str, Any]) -> Any:
    parts = [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values]
    return "".join(_text(evaluate(part, names)) for part in parts)


def _subscript(node: ast.Subscript, names: Mapping[str, Any]) -> Any:
    value, key = plain(evaluate(node.value, names)), plain(evaluate(node.slice, names))
    if isinstance(node.value, ast.Attribute) and node.value.attr == "parents" and isinstance(key, int):
        folder = plain(evaluate(node.value.value, names))
        return folder.parents[key] if isinstance(folder, Path) and key < len(folder.parents) else UNKNOWN
    if isinstance(value, dict):
        return value.get(key, UNKNOWN)
    if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return UNKNOWN


def _attribute(node: ast.Attribute, names: Mapping[str, Any]) -> Any:
    value = plain(evaluate(node.value, names))
    return value.parent if node.attr == "parent" and isinstance(value, Path) else UNKNOWN


def _call(node: ast.Call, names: Mapping[str, Any]) -> Any:
    function = dotted(node.func)
    arguments = [evaluate(argument, names) for argument in node.args]
    name = function.rpartition(".")[2]
    if name in ("gettext_lazy", "gettext_noop", "gettext", "_", "str", "list", "tuple", "dict", "sorted"):
        keywords = {keyword.arg: evaluate(keyword.value, names) for keyword in node.keywords if keyword.arg}
        return (keywords or (arguments[0] if arguments else UNKNOWN)) if name == "dict" else (*arguments, UNKNOWN)[0]
    paths = _paths(name, [plain(argument) for argument in arguments])
    if paths is not UNKNOWN:
        return paths
    if isinstance(node.func, ast.Attribute) and not node.args:
        owner = plain(evaluate(node.func.value, names))
        is_same = node.func.attr in ("resolve", "absolute", "copy", "as_posix", "strip", "expanduser")
        return owner if is_same else UNKNOWN
    return UNKNOWN


def _paths(name: str, arguments: list[Any]) -> Any:
    if not arguments or not all(isinstance(argument, (str, Path)) for argument in arguments):
        return UNKNOWN
    first = Path(arguments[0])
    if name in ("Path", "PurePath", "join"):
        return first.joinpath(*arguments[1:])
    if name == "dirname":
        return first.parent
    return first if name in ("abspath", "realpath", "normpath") else UNKNOWN


_HANDLERS: dict[type[ast.expr], Callable[[Any, Mapping[str, Any]], Any]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.List: _items,
    ast.Tuple: _items,
    ast.Set: _items,
    ast.Dict: _dict,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.IfExp: _choice,
    ast.Compare: _compare,
    ast.JoinedStr: _formatted,
    ast.Subscript: _subscript,
    ast.Attribute: _attribute,
    ast.Call: _call,
}
