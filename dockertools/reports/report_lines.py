"""Which line of the Dockerfile made a layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from dockertools.build.dockerfile import layer_lines, read_stages
from dockertools.context.dockerfile import read_instructions
from dockertools.image.analysis import ImageAnalysis

_CHECKED = ("RUN", "COPY", "ADD", "WORKDIR")
"""Instructions that make layers; the history spells others in its own way."""


def find_lines(analysis: ImageAnalysis, dockerfile: str, target: str | None) -> tuple[int | None, ...]:
    """Return the line of each layer's instruction; None for the base's, and for what does not stand there any more.

    The Dockerfile may have changed since the build, or be another image's: so the words of a line have to be those of
    the layer, as far as the first variable.
    """
    lines = layer_lines(read_stages(dockerfile), target, analysis.history)
    written = {item.line: f"{item.name} {item.value}" for item in read_instructions(dockerfile)}
    return tuple(
        lines[layer.entry]
        if layer.entry is not None and is_same_instruction(written.get(lines[layer.entry] or 0, ""), layer.instruction)
        else None
        for layer in analysis.layers
    )


def is_same_instruction(written: str, made: str) -> bool:
    """Tell whether an instruction as it is written can have made the entry of the history.

    The history leaves out most flags, and variables are filled in.
    """
    name, words = _words(written)
    made_name, made_words = _words(made)
    if name != made_name or not name:
        return False
    if name not in _CHECKED or words[:1] == ["["] or (words and words[0].startswith("[")):
        return True
    fixed = list(takewhile(lambda word: "$" not in word and not word.startswith("<<"), words))
    return made_words[: len(fixed)] == fixed if len(fixed) < len(words) else made_words == words


def _words(instruction: str) -> tuple[str, Sequence[str]]:
    name, *words = instruction.split() or [""]
    while words and words[0].startswith("--"):
        del words[0]
    return name.upper(), words
