"""`python -m bench [CASE ...]`: measure, and write the results into docs/performance.md.

A case is a module of this package with a function `measure(say) -> str`, which returns its section as Markdown.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

CASES = (
    "context",
    "build",
    "check",
    "images",
    "mode",
)
REPORT = Path(__file__).parent.parent / "docs" / "performance.md"


def main(names: list[str]) -> int:
    """Run the cases, all by default."""
    unknown = set(names) - set(CASES)
    if unknown:
        sys.stderr.write(f"There is no case {', '.join(sorted(unknown))}. Choose from: {', '.join(CASES)}.\n")
        return 2
    for name in names or CASES:
        section = importlib.import_module(f"bench.{name}").measure(lambda line: sys.stderr.write(f"{line}\n"))
        sys.stdout.write(section)
        text = REPORT.read_text(encoding="utf-8") if REPORT.exists() else "# Performance\n"
        REPORT.write_text(put_section(text, name, section), encoding="utf-8")
    return 0


def put_section(text: str, name: str, section: str) -> str:
    """Return the report with the case's section replaced, or added at the end."""
    begin, end = f"<!-- bench {name} -->\n", f"<!-- end of bench {name} -->\n"
    block = f"{begin}{section}{end}"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if pattern.search(text):
        return pattern.sub(lambda _match: block, text)
    return f"{text.rstrip()}\n\n{block}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
