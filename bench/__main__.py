"""`python -m bench [CASE ...]`: measure, and write the results into docs/performance.md.

A case is a module of this package with a function `measure(say) -> str`, which returns its section as Markdown, and
may name another document as its REPORT.
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
ON_REQUEST = ("tools",)
"""Cases that run only when they are named: they install from the package index, and take some twenty minutes."""
REPORT = Path(__file__).parent.parent / "docs" / "performance.md"


def main(names: list[str]) -> int:
    """Run the cases, by default all but those on request."""
    known = CASES + ON_REQUEST
    unknown = set(names) - set(known)
    if unknown:
        sys.stderr.write(f"There is no case {', '.join(sorted(unknown))}. Choose from: {', '.join(known)}.\n")
        return 2
    for name in names or CASES:
        module = importlib.import_module(f"bench.{name}")
        section = module.measure(lambda line: sys.stderr.write(f"{line}\n"))
        sys.stdout.write(section)
        report: Path = getattr(module, "REPORT", REPORT)
        text = report.read_text(encoding="utf-8") if report.exists() else "# Performance\n"
        report.write_text(put_section(text, name, section), encoding="utf-8")
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
