"""`python -m bench [CASE ...]`: measure, and write the results into docs/performance.md.

A case is a module of this package with a function `measure(say) -> str`, which returns its section as Markdown, and
may name another document as its REPORT.
`ways` takes options: `--app`, `--repeat`, and `--quick`, which writes nothing and fails when a size has grown.
"""

from __future__ import annotations

import argparse
import importlib
import re
import signal
import sys
from pathlib import Path
from types import ModuleType

CASES = (
    "context",
    "build",
    "check",
    "images",
    "mode",
    "ways",
)
ON_REQUEST = ("tools", "variants")
"""Cases that run only when they are named: they write into other documents, and take long."""
APPLICATIONS = ("heavy", "cvimprover")
REPORT = Path(__file__).parent.parent / "docs" / "performance.md"


def main(arguments: list[str]) -> int:
    """Run the cases, by default all but those on request."""
    options = _parse(arguments)
    names: list[str] = options.cases
    known = CASES + ON_REQUEST
    unknown = set(names) - set(known)
    if unknown:
        sys.stderr.write(f"There is no case {', '.join(sorted(unknown))}. Choose from: {', '.join(known)}.\n")
        return 2
    if options.quick:
        ways = importlib.import_module("bench.ways")
        return int(ways.check_sizes(_say, ways.Options(_apps(options, ways), update=options.update)))
    for name in names or CASES:
        case = importlib.import_module(f"bench.{name}")
        chosen = (case.Options(_apps(options, case), options.repeat),) if name == "ways" else ()
        section = case.measure(_say, *chosen)
        sys.stdout.write(section)
        report: Path = getattr(case, "REPORT", REPORT)
        text = report.read_text(encoding="utf-8") if report.exists() else "# Performance\n"
        report.write_text(put_section(text, name, section), encoding="utf-8")
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES + ON_REQUEST))
    parser.add_argument("--app", action="append", choices=APPLICATIONS, help="ways: this application alone")
    parser.add_argument("--repeat", type=int, default=1, help="ways: how often each takes its turn (default: 1)")
    parser.add_argument("--quick", action="store_true", help="ways: sizes alone, against those that are committed")
    parser.add_argument("--update", action="store_true", help="ways --quick: commit the sizes that are found")
    options = parser.parse_args(arguments)
    if ((options.quick or options.update) and options.cases != ["ways"]) or options.update > options.quick:
        parser.error("--quick and --update are for `ways --quick`")
    return options


def _apps(options: argparse.Namespace, ways: ModuleType) -> tuple[str, ...]:
    return tuple(options.app or ways.APPS)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def put_section(text: str, name: str, section: str) -> str:
    """Return the report with the case's section replaced, or added at the end."""
    begin, end = f"<!-- bench {name} -->\n", f"<!-- end of bench {name} -->\n"
    block = f"{begin}{section}{end}"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if pattern.search(text):
        return pattern.sub(lambda _match: block, text)
    return f"{text.rstrip()}\n\n{block}"


if __name__ == "__main__":
    # What a case has started ends with it, also when it is asked to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
