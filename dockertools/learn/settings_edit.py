"""Change lists of `DOCKERTOOLS` in the source of a settings module, and nothing else of it. Pure."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Mapping, Sequence
from itertools import accumulate

from dockertools.learn.sequence_edit import Item, edit_items, newline_of

NAME = "DOCKERTOOLS"
_BOM = "\ufeff"


class NotEditableError(ValueError):
    """The configuration is not written so that it can be changed without running it; the message says why."""


def edit_settings(text: str, changes: Mapping[str, Sequence[str]]) -> str:
    """Return the source with these lists in `DOCKERTOOLS`, which is added at the end where there is none.

    What comes out is read again: it says what was asked for, and all else as before. Raises NotEditableError.
    """
    bom, source = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    for key, values in changes.items():
        source = _edit(source, key, tuple(values))
    return bom + source


def show_list(key: str, values: Sequence[str]) -> str:
    """Return the entry as one writes it into the dictionary."""
    return f'"{key}": {_list(values)},'


def _edit(source: str, key: str, values: tuple[str, ...]) -> str:
    tree = _parse(source)
    table = _find_table(tree)
    if table is None:
        return _append(source, key, values)
    place = _find_key(table, key)
    expected = copy.deepcopy(tree)
    _put(_required_table(expected), key, values, place)
    for edited in _attempts(source, table, place, key, values):
        if _is(edited, expected):
            return edited
    raise NotEditableError(f"the place of {key} in it is not clear")


def _attempts(source: str, table: ast.Dict, place: int | None, key: str, values: tuple[str, ...]) -> list[str]:
    """Return the source changed as little as can be, and changed more roughly."""
    spans = _Spans(source)
    if place is None:
        entries = [
            Item(spans.span(name)[0], spans.span(value)[1], str(index))
            for index, (name, value) in enumerate(zip(table.keys, table.values, strict=True))
            if name is not None
        ]
        wanted = [(item.value, source[item.start : item.end]) for item in entries]
        start, end = spans.span(table)
        return [edit_items(source, entries, (start + 1, end - 1), [*wanted, ("new", f'"{key}": {_list(values)}')])]
    node = table.values[place]
    start, end = spans.span(node)
    items = [Item(*spans.span(element), str(element.value)) for element in _texts(node, key)]
    quote = source[items[0].start] if items and source[items[0].start] in "\"'" else '"'
    wanted = [(value, f"{quote}{value}{quote}") for value in values]
    closing = "(" + "".join(f'"{value}", ' for value in values).rstrip() + ")"
    whole = closing if isinstance(node, ast.Tuple) else _list(values)
    return [edit_items(source, items, (start + 1, end - 1), wanted), source[:start] + whole + source[end:]]


def _append(source: str, key: str, values: tuple[str, ...]) -> str:
    newline = newline_of(source)
    begin = "" if not source or source.endswith(("\n", "\r")) else newline
    gap = newline if source else ""
    return f"{source}{begin}{gap}{NAME} = {{{newline}    {show_list(key, values)}{newline}}}{newline}"


def _parse(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NotEditableError(f"it is not valid Python ({error})") from error


def _find_table(tree: ast.Module) -> ast.Dict | None:
    """Return the dictionary that is assigned, None where the name does not occur."""
    mentions = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == NAME]
    imported = [alias for node in ast.walk(tree) if isinstance(node, ast.alias) for alias in [node.asname or node.name]]
    if not mentions and NAME not in imported:
        return None
    values = [value for statement in tree.body if (value := _assigned(statement)) is not None]
    if len(values) != 1 or len(mentions) != 1 or NAME in imported:
        raise NotEditableError(f"{NAME} is not assigned once, and left alone afterwards")
    table = values[0]
    if not isinstance(table, ast.Dict) or any(key is None for key in table.keys):
        raise NotEditableError(f"{NAME} is not a plain dictionary")
    return table


def _assigned(statement: ast.stmt) -> ast.expr | None:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == NAME:
            return value
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if name == NAME:
            return value
    return None


def _required_table(tree: ast.Module) -> ast.Dict:
    table = _find_table(tree)
    if table is None:
        raise NotEditableError(f"there is no {NAME}")
    return table


def _find_key(table: ast.Dict, key: str) -> int | None:
    places = [
        place
        for place, name in enumerate(table.keys)
        if isinstance(name, ast.Constant) and str(name.value).upper() == key
    ]
    if len(places) > 1 or not all(isinstance(name, ast.Constant) for name in table.keys):
        raise NotEditableError(f"the keys of {NAME} are not plain texts, each there once")
    if places:
        _texts(table.values[places[0]], key)
    return places[0] if places else None


def _texts(node: ast.expr, key: str) -> list[ast.Constant]:
    """Return the elements of a list or tuple of plain texts."""
    elements = node.elts if isinstance(node, (ast.List, ast.Tuple)) else None
    if elements is None or not all(isinstance(item, ast.Constant) and isinstance(item.value, str) for item in elements):
        raise NotEditableError(f"{NAME}[{key!r}] is not a plain list of texts")
    return [item for item in elements if isinstance(item, ast.Constant)]


def _put(table: ast.Dict, key: str, values: tuple[str, ...], place: int | None) -> None:
    elements: list[ast.expr] = [ast.Constant(value) for value in values]
    if place is None:
        table.keys.append(ast.Constant(key))
        table.values.append(ast.List(elements, ast.Load()))
    else:
        kind = ast.Tuple if isinstance(table.values[place], ast.Tuple) else ast.List
        table.values[place] = kind(elements, ast.Load())


def _is(source: str, expected: ast.Module) -> bool:
    try:
        return ast.dump(ast.parse(source)) == ast.dump(expected)
    except SyntaxError:
        return False


def _list(values: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


class _Spans:
    """The places of nodes: Python counts lines, and in them the bytes of UTF-8."""

    def __init__(self, source: str) -> None:
        self._lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n|$)", source)
        self._starts = [0, *accumulate(map(len, self._lines))]

    def span(self, node: ast.expr) -> tuple[int, int]:
        """Return where the node begins and ends."""
        return self._place(node.lineno, node.col_offset), self._place(node.end_lineno or 0, node.end_col_offset or 0)

    def _place(self, line: int, column: int) -> int:
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode(errors="ignore"))
