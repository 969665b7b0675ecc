from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvimprover.improver import Result, Suggestion, review_text
from cvimprover.improver.dates import find_spans, month_of
from cvimprover.improver.findings import excerpt
from cvimprover.improver.review import NOT_ENGLISH, RULES, SUGGESTIONS_EACH

TODAY = date(2026, 3, 15)

GOOD = """# Ada Lovelace
ada@example.org, +44 20 7946 0958

Summary
Engineer with nine years of work on compilers and numerical software, looking for a team that
builds tools for scientists.

Experience

Lead engineer, Analytical Engines Ltd, Feb 2020 - present
- Lead a team of six that builds a compiler for 1,200 users
- Cut the time of a build from 40 to 9 minutes
- Introduced reviews, which halved the defects found after release

Engineer, Difference Ltd, Mar 2016 - Jan 2020
- Built a library of 80 numerical routines, tested against published tables
- Replaced three older systems and saved 200,000 pounds a year
- Wrote the manual that the support team of twelve still works from

Education
MSc Mathematics, University of London, 2014 - 2016
BSc Mathematics, University of London, 2011 - 2014

Skills
- Python, C, Fortran, LLVM
- Numerical analysis, statistics, technical writing
"""

JOB = "Experience\n\nEngineer, Acme, Jan 2019 - Mar 2021\n"


def review(text: str) -> Result:
    return review_text(text, today=TODAY)


def found(rule: str, text: str) -> list[Suggestion]:
    return [item for item in review(text).suggestions if item.rule == rule]


def test_a_good_cv_has_nothing_to_change() -> None:
    result = review(GOOD)
    assert result.suggestions == ()
    assert (result.score, result.notes) == (100, ())


# One row for each way a rule fires: what is in the text, the line, and a part of the advice.
FIRES = [
    ("weak-verb", JOB + "- Responsible for testing", 4, "not with “Responsible for”: led, ran, owned"),
    ("weak-verb", JOB + "- helped to test", 4, "“helped to”"),
    ("passive-voice", JOB + "- The tests were quickly rewritten by hand", 4, "“were quickly rewritten” hides"),
    ("passive-voice", JOB + "- Reports had been automated", 4, "“been automated”"),
    ("first-person", "Profile\nI write compilers", 2, "leaves out “I”"),
    ("first-person", "Profile\nCompilers are my craft", 2, "leaves out “my”"),
    ("cliche", "Profile\nA hard-working Team Player", 2, "“hard-working” stands in most CVs"),
    ("filler", JOB + "- Built various tools", 4, "“various” adds little"),
    ("repeated-verb", JOB + "- Built a\n- Built b\n- Built c", 6, "3 bullets begin with “built”"),
    ("doubled-word", JOB + "- Built the the tool", 4, "“the the” repeats"),
    ("inconsistent-tense", JOB + "- Manage three people", 4, "ended (Jan 2019 - Mar 2021)"),
    ("inconsistent-tense", JOB + "- Carries the load", 4, "past tense"),
    ("inconsistent-tense", "Experience\nAcme\n- Manage two\n- Built one\n- Led three", 3, "most of it is in the past"),
    ("missing-number", JOB + "- Built tools with Python 3.11 in 2020", 4, "how many, how much"),
    ("missing-number", JOB + "Tested engines.", 3, "in bullets"),
    ("few-numbers", JOB + "- Cut 4 costs\n- Built a\n- Led b\n- Ran c", None, "1 of 4 bullets"),
    ("no-experience", "Skills\n- Python", None, "what you have done"),
    ("missing-section", JOB + "- Built", None, "no section “Education”"),
    ("missing-summary", GOOD.replace("Summary", "Ada"), None, "two or three lines"),
    ("missing-contact", GOOD.replace("ada@example.org", ""), None, "no email address"),
    ("missing-contact", GOOD.replace("+44 20 7946 0958", "2014 - 2016"), None, "no telephone number"),
    ("private-detail", "Date of birth: 10 December", 1, "“Date of birth” invites bias"),
    ("placeholder", "[Company], TODO", 1, "“[Company]” looks unfinished"),
    ("empty-section", "Skills\n\nEducation\nMSc", 1, "“Skills” is empty"),
    ("empty-section", JOB + "\nSkills", 5, "“Skills” is empty"),
    ("overlapping-dates", JOB + "- A\n\nLead, Ab, Jan 2021 - Mar 2022\n- B", 6, "by 2 months"),
    ("date-gap", JOB + "- A\n\nLead, Ab, Jan 2022 - Mar 2022\n- B", 6, "9 months without a position between"),
    ("reversed-dates", "Experience\nEngineer, Mar 2021 - Jan 2019\n- A", 2, "ends before it begins"),
    ("future-date", "Experience\nEngineer, Apr 2026 - present\n- A", 2, "begins in the future"),
    ("missing-dates", "Experience\nEngineer, Acme\n- Built", 2, "has no dates"),
    ("wrong-order", JOB + "- A\n\nLead, Ab, Apr 2021 - Mar 2022\n- B", 3, "put the newest position first"),
    ("too-short", "Ada", None, "1 words are too few"),
    ("too-long", "word " * 1001, None, "1001 words are more than two pages"),
    ("long-bullet", JOB + "- " + "word " * 36, 4, "has 36 words"),
    ("long-paragraph", "word " * 91, 1, "has 91 words"),
    ("uneven-ends", JOB + "- Built.\n- Led.\n- Ran", 6, "full stop"),
]


@pytest.mark.parametrize(("rule", "text", "line", "advice"), FIRES)
def test_a_rule_fires(rule: str, text: str, line: int | None, advice: str) -> None:
    suggestions = found(rule, text)
    assert any(item.line == line and advice in item.advice for item in suggestions), suggestions


# What looks alike and is right.
KEEPS_QUIET = [
    ("weak-verb", JOB + "- Built what was responsible for half the sales"),
    ("weak-verb", JOB + "- Helpedx"),
    ("passive-voice", JOB + "- Tools that are based in London, and teams that were interested"),
    ("passive-voice", JOB + "- Saw to it that there is speed"),
    ("first-person", JOB + "- Ran phase I of World War I research"),
    ("first-person", "Profile\nPortland, ME; i.e. Maine"),
    ("cliche", "Profile\nTaught ninjas' synergyx"),
    ("filler", JOB + "- Built every tool"),
    ("repeated-verb", JOB + "- Built a\n- Built b\n- Led c"),
    ("doubled-word", JOB + "- Sang for New York York Choir, 10 10"),
    ("inconsistent-tense", "Experience\nEngineer, Jan 2019 - present\n- Manage three\n- Built two"),
    ("inconsistent-tense", JOB + "- Set up three labs"),
    ("inconsistent-tense", JOB + "- Reports were automated\n- Support for four teams\n- Design of 3 tools"),
    ("missing-number", JOB + "- Doubled the sales"),
    ("few-numbers", JOB + "- Cut 4 costs\n- Built 2\n- Led b\n- Ran c"),
    ("no-experience", JOB),
    ("missing-section", GOOD),
    ("missing-summary", JOB),
    ("missing-contact", GOOD),
    ("private-detail", "Worked on gender studies"),
    ("placeholder", "Company, methodology"),
    ("empty-section", JOB),
    ("overlapping-dates", "Experience\n2015 - 2018\n- A\n\n2018 - 2020\n- B"),
    ("overlapping-dates", JOB + "- A\n\nEducation\nMSc, 2018 - 2020"),
    ("date-gap", "Experience\n2015 - 2018\n- A\n\n2019 - 2020\n- B"),
    ("date-gap", JOB + "- A\n\nLead, since Sep 2021\n- B"),
    ("reversed-dates", "Experience\n2019 - 2019\n- A"),
    ("future-date", "Experience\nMar 2026 - present\n- A"),
    ("missing-dates", JOB + "- A"),
    ("wrong-order", JOB + "- A\n\nLead, Ab, Apr 2018 - Mar 2022\n- B"),
    ("too-short", "word " * 120),
    ("too-long", "word " * 1000),
    ("long-bullet", JOB + "- " + "word " * 35),
    ("long-paragraph", "word " * 90),
    ("uneven-ends", JOB + "- Built.\n- Led."),
]


@pytest.mark.parametrize(("rule", "text"), KEEPS_QUIET)
def test_a_rule_keeps_quiet(rule: str, text: str) -> None:
    assert found(rule, text) == []


def test_every_rule_has_both_tests() -> None:
    rules = {rule.id for rule in RULES}
    assert {row[0] for row in FIRES} == {row[0] for row in KEEPS_QUIET} == rules
    assert len(rules) == len(RULES)


def test_the_score_is_explained_by_its_parts() -> None:
    result = review(JOB + "- Responsible for the tests\n- Was told to")
    assert result.score == sum(part.points for part in result.parts)
    for part in result.parts:
        lost = sum(deduction.points for deduction in part.deductions)
        assert part.points == max(0, part.maximum - lost)
    assert sum(part.maximum for part in result.parts) == 100


def test_an_almost_empty_cv_scores_low() -> None:
    assert review("Ada").score < 25


def test_the_worst_comes_first() -> None:
    severities = [
        item.severity.value for item in review(JOB + "- Responsible for it\n- I ran the the tests.").suggestions
    ]
    assert severities == sorted(severities, key=["high", "medium", "low"].index)
    assert len(set(severities)) == 3


def test_a_rule_gives_at_most_twenty_suggestions_and_counts_all() -> None:
    result = review(JOB + "- Responsible for it\n" * 50)
    counted = [item.found for part in result.parts for item in part.deductions if item.rule == "weak-verb"]
    assert sum(item.rule == "weak-verb" for item in result.suggestions) == SUGGESTIONS_EACH
    assert counted == [50]


@pytest.mark.parametrize(
    "sentence", ["Разработала программы для ста клиентов. ", "Ich habe für hundert Kunden Software entwickelt. "]
)
def test_another_language_is_not_judged_by_english_rules(sentence: str) -> None:
    result = review(sentence * 10)
    assert result.notes == (NOT_ENGLISH,)
    assert not {item.rule for item in result.suggestions} & {rule.id for rule in RULES if rule.needs_english}


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("Jan 2018 - Mar 2020", (2018, 1), (2020, 3)),
        ("January 2018 – sept. 2020", (2018, 1), (2020, 9)),
        ("01/2018 — 3/2020", (2018, 1), (2020, 3)),
        ("2018-01 to 2020-03", (2018, 1), (2020, 3)),
        ("01.2018-03.2020", (2018, 1), (2020, 3)),
        ("Mar 2018 until today", (2018, 3), (2026, 3)),
        ("since Mar 2018", (2018, 3), (2026, 3)),
    ],
)
def test_spans_are_read(text: str, first: tuple[int, int], last: tuple[int, int]) -> None:
    (span,) = find_spans(f"Engineer, {text}, London", today=TODAY)
    assert (span.first.earliest, span.first.latest) == (month_of(date(*first, 1)),) * 2
    assert span.last.earliest == month_of(date(*last, 1))
    assert span.is_current == (last == (2026, 3))


def test_a_year_leaves_its_month_open() -> None:
    (span,) = find_spans("2018-2020", today=TODAY)
    assert span.first.latest - span.first.earliest == span.last.latest - span.last.earliest == 11


@pytest.mark.parametrize(
    "text",
    ["2018", "marketing 2018 - x", "+44 2018-20201", "13/2018 - 14/2019", "12/03/2018 - 13/04/2019", "1800 - 1900"],
)
def test_what_is_no_span(text: str) -> None:
    assert list(find_spans(text, today=TODAY)) == []


def test_an_excerpt_ends_at_a_word() -> None:
    assert excerpt("short") == "short"
    assert excerpt("word " * 40) == "word " * 22 + "word…"
    assert excerpt("x" * 200) == "x" * 119 + "…"


@settings(deadline=None)
@given(
    text=st.text(max_size=300)
    | st.lists(
        st.sampled_from(
            [
                "Experience",
                "Skills",
                "- Responsible for it",
                "- Built 3 tools.",
                "Jan 2019 - Mar 2021",
                "2020 - 2018",
                "since 2050",
                "I was told",
                "",
                "ACME",
                "## x",
                "the the",
                "00/2019 - 2020",
                "2019-13 - now",
            ]
        ),
        max_size=20,
    ).map("\n".join)
)
def test_any_text_gets_a_review(text: str) -> None:
    result = review(text)
    lines = text.split("\n")
    assert 0 <= result.score <= 100
    assert review(text) == result
    for item in result.suggestions:
        assert item.line is None or lines[item.line - 1].strip()
