"""Check results as JUnit XML, which CI servers show."""

from __future__ import annotations

import re
from itertools import groupby
from xml.etree import ElementTree as ET

from dockertools.checks.results import CheckReport, CheckResult, Status, is_failure

_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold: https://www.w3.org/TR/xml/#charsets"""


def render_junit(report: CheckReport) -> str:
    """Return the report as JUnit XML: a suite for each group; a warning fails only when `fail_level` says so.

    The format: https://github.com/testmoapp/junitxml
    """
    root = ET.Element("testsuites", name=f"{report.target.command} {report.target.kind} {_clean(report.target.name)}")
    for group, results in groupby(report.results, key=lambda result: result.group):
        root.append(_suite(group, tuple(results), report.fail_level))
    _count(root, report.results, report.fail_level)
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="us-ascii", xml_declaration=True)
    return document.decode("ascii")  # right in whichever encoding it is written


def _suite(group: str, results: tuple[CheckResult, ...], fail_level: Status) -> ET.Element:
    suite = ET.Element("testsuite", name=group)
    _count(suite, results, fail_level)
    for result in results:
        case = ET.SubElement(
            suite, "testcase", classname=f"{result.id}.{group}", name=result.title, time=f"{result.seconds:.3f}"
        )
        text = _clean(f"{result.message}\n{result.hint}".strip())
        if is_failure(result, fail_level):
            ET.SubElement(case, "failure", type=result.code, message=_clean(result.message)).text = text
        elif result.status is Status.SKIP:
            ET.SubElement(case, "skipped", message=_clean(result.message))
        elif result.status is Status.WARN:
            ET.SubElement(case, "system-out").text = f"{result.code}: {text}"
    return suite


def _count(element: ET.Element, results: tuple[CheckResult, ...], fail_level: Status) -> None:
    element.set("tests", str(len(results)))
    element.set("failures", str(sum(is_failure(result, fail_level) for result in results)))
    element.set("skipped", str(sum(result.status is Status.SKIP for result in results)))
    element.set("errors", "0")
    element.set("time", f"{sum(result.seconds for result in results):.3f}")


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
