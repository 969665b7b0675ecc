"""The words that the rules look for."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# How a bullet begins, and what says more.
WEAK_BEGINNINGS: dict[str, str] = {
    "assisted": "supported, prepared, delivered",
    "assisted in": "supported, prepared, delivered",
    "assisted with": "supported, prepared, delivered",
    "dealt with": "resolved, handled, negotiated",
    "duties included": "led, built, ran",
    "had to": "led, built, ran",
    "helped": "enabled, advised, contributed",
    "helped to": "enabled, advised, contributed",
    "helped with": "enabled, advised, contributed",
    "in charge of": "led, ran, directed",
    "involved in": "built, designed, coordinated",
    "my duties": "led, built, ran",
    "participated in": "contributed, organised, presented",
    "responsibilities included": "led, built, ran",
    "responsible for": "led, ran, owned",
    "tasked with": "led, built, delivered",
    "took part in": "contributed, organised, presented",
    "tried to": "built, tested, improved",
    "utilised": "used, applied",
    "utilized": "used, applied",
    "was responsible for": "led, ran, owned",
    "worked on": "built, designed, improved",
    "worked with": "advised, coordinated, built with",
}

CLICHES: tuple[str, ...] = (
    "best of breed",
    "can-do attitude",
    "detail-oriented",
    "detail oriented",
    "dynamic individual",
    "excellent communication skills",
    "fast learner",
    "fast-paced environment",
    "game changer",
    "go-getter",
    "go-to person",
    "good communication skills",
    "guru",
    "hard-working",
    "hard worker",
    "hardworking",
    "highly motivated",
    "innovative thinker",
    "leverage synergies",
    "motivated individual",
    "ninja",
    "out of the box",
    "outside the box",
    "passionate about",
    "people person",
    "proactive",
    "proven track record",
    "quick learner",
    "references available",
    "results-driven",
    "results-oriented",
    "rockstar",
    "rock star",
    "self-motivated",
    "self-starter",
    "strategic thinker",
    "strong communication skills",
    "strong work ethic",
    "synergy",
    "synergies",
    "team player",
    "thought leader",
    "value add",
    "win-win",
    "works well under pressure",
)

FILLERS: dict[str, str] = {
    "a number of": "say how many",
    "a variety of": "name them, or say how many",
    "in order to": "write “to”",
    "on a daily basis": "write “daily”",
    "successfully": "leave it out: the result shows it",
    "various": "name them, or say how many",
    "very": "leave it out",
}

IRREGULAR_PARTICIPLES: frozenset[str] = _words(
    "begun born bought brought built chosen cut done drawn driven fed found given grown held kept known led left lost "
    "made met paid put read rewritten run seen sent set shown sold spent split taken taught told understood won "
    "written"
)

# These describe a state, and after "be" they are no passive.
STATES: frozenset[str] = _words(
    "accomplished accustomed advanced based certified committed concerned dedicated detailed educated employed "
    "experienced focused interested involved licensed limited located married motivated needed oriented organised "
    "organized pleased prepared proud qualified related retired skilled supposed talented trained used"
)

PAST: frozenset[str] = _words(
    "became began bought brought built chose cut did drew drove found gave grew held kept led left made met oversaw "
    "paid ran rebuilt rewrote set shrank sold sought spoke spent split spun taught thought took went won wrote"
)

# What a bullet in the present tense begins with, as "manage" or "manages".
PRESENT: frozenset[str] = _words(
    "achieve act administer advise analyse analyze automate build carry coach collaborate communicate conduct "
    "configure consult contribute coordinate create debug define deliver deploy design develop direct document drive "
    "edit ensure establish evaluate execute facilitate generate give guide handle help hire identify implement "
    "improve increase install integrate introduce investigate launch lead liaise maintain make manage mentor migrate "
    "monitor negotiate operate optimise optimize organise organize oversee own perform plan prepare present produce "
    "program provide reduce report research resolve review run sell serve solve supervise support teach test "
    "train translate troubleshoot update use work write"
)

# "Reports were ..." and "Support for ..." begin with a noun.
AFTER_NOUNS: frozenset[str] = _words("are had has have is of was were")
NOUNS_TOO: frozenset[str] = _words(
    "act build design document drive guide handle help hire launch lead plan program report research review support "
    "test update use work"
)

COMMON_ENGLISH: frozenset[str] = _words(
    "a an and as at by for from in into is my of on or that the this to up using via was with"
)

PLACEHOLDERS: tuple[str, ...] = (
    "lorem ipsum",
    "tbd",
    "todo",
    "xxx",
    "your name",
    "your email",
    "[company]",
    "[name]",
    "[date]",
    "[city]",
)

PRIVATE_DETAILS: tuple[str, ...] = (
    "date of birth",
    "place of birth",
    "marital status",
    "nationality:",
    "religion:",
    "gender:",
    "social security number",
    "passport number",
)
