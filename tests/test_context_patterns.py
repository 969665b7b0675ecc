"""The reference's own table (moby/patternmatcher, Go's filepath.Match), and what it leaves unsaid."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.context.go_regexp import BadPatternError
from dockertools.context.patterns import PatternKind, check_pattern, clean_path, compile_pattern


def matches(pattern: str, path: str) -> bool:
    """Match the path or a folder above it, as the reference's table does."""
    check_pattern(pattern)
    compiled = compile_pattern(clean_path(pattern))
    names = path.split("/")
    return any(compiled.matches("/".join(names[: depth + 1])) for depth in range(len(names)))


MATCHING = """
** file | ** file/ | **/ file | **/ file/ | ** / | **/ / | ** dir/file | **/ dir/file | ** dir/file/ | **/ dir/file/
**/** dir/file | **/** dir/file/ | dir/** dir/file | dir/** dir/file/ | dir/** dir/dir2/file | dir/** dir/dir2/file/
**/dir dir | **/dir dir/file | **/dir2/* dir/dir2/file | **/dir2/* dir/dir2/file/ | **/dir2/** dir/dir2/dir3/file
**/dir2/** dir/dir2/dir3/file/ | **file file | **file dir/file | **/file dir/file | **file dir/dir/file
**/file dir/dir/file | **/file* dir/dir/file | **/file* dir/dir/file.txt | **/file*txt dir/dir/file.txt
**/file*.txt dir/dir/file.txt | **/file*.txt* dir/dir/file.txt | **/**/*.txt dir/dir/file.txt | **/*.txt file.txt
**/**/*.txt file.txt | a**/*.txt a/file.txt | a**/*.txt a/dir/file.txt | a**/*.txt a/dir/dir/file.txt
a/*.txt a/file.txt | a/*.txt** a/file.txt | a[b-d]e ace | a[^b-d]e aze | .* .foo | abc.def abc.def | abc?def abcZdef
a\\\\\\\\ a\\\\ | **/foo/bar foo/bar | **/foo/bar dir/foo/bar | **/foo/bar dir/dir2/foo/bar | abc/** abc/def
abc/** abc/def/ghi | **/.foo .foo | a(b)c/def a(b)c/def | a.|)$(}+{bc a.|)$(}+{bc | dist/*.whl dist/a-2.4+g08-py3.whl
a\\\\*b a*b | abc abc | * abc | *c abc | a* a | a* abc | a* ab/c | a*/b abc/b | a*b*c*d*e*/f axbxcxdxe/f
a*b*c*d*e*/f axbxcxdxexxx/f | a*b?c*x abxbbxdbxebxczzx | ab[c] abc | ab[b-d] abc | ab[^e-g] abc | a?b a☺b
a[^a]b a☺b | [a-ζ]* δ | [\\\\]a] ] | [\\\\-] - | [x\\\\-] x | [x\\\\-] - | [\\\\-x] x | [\\\\-x] - | *x xxx
""".replace("\\\\", "\\")
OTHERS = """
**/**/*.txt2 dir/dir/file.txt | a/*.txt a/dir/file.txt | a[b-d]e ae | a[b-d]e aae | .* foo | abc.def abcdef
abc.def abcZdef | abc?def abcdef | abc/** abc | **/.foo bar.foo | a(b)c/def a(b)c/xyz | a*/b a/c/b
a*b*c*d*e*/f axbxcxdxe/xxx/f | a*b*c*d*e*/f axbxcxdxexxx/fff | a*b?c*x abxbbxdbxebxczzy | ab[e-g] abc | ab[^c] abc
ab[^b-d] abc | a\\\\*b ab | a???b a☺b | a[^a][^a][^a]b a☺b | *[a-ζ] A | a?b a/b | a*b a/b | [x\\\\-] z | [\\\\-x] a
""".replace("\\\\", "\\")


def rows(table: str) -> list[tuple[str, ...]]:
    return [tuple(row.split()) for row in re.split(r" \| |\n", table.strip())]


@pytest.mark.parametrize(("pattern", "path"), rows(MATCHING))
def test_the_reference_table_matches(pattern: str, path: str) -> None:
    assert matches(pattern, path)


@pytest.mark.parametrize(("pattern", "path"), rows(OTHERS))
def test_the_reference_table_does_not_match(pattern: str, path: str) -> None:
    assert not matches(pattern, path)


@pytest.mark.parametrize(
    "pattern", ["[]a]", "[-]", "[x-]", "[-x]", "\\", "a\\", "[a-b-c]", "[", "[^", "[^bc", "a[", "a[b", "[a-", "[\\"]
)
def test_what_go_calls_a_bad_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(BadPatternError):
        check_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "kind", "text"),
    [
        ("*", PatternKind.REGEXP, "^[^/]*$"),
        ("file*", PatternKind.REGEXP, "^file[^/]*$"),
        ("a*/b", PatternKind.REGEXP, "^a[^/]*/b$"),
        ("**", PatternKind.SUFFIX, ""),
        ("**/**", PatternKind.REGEXP, "^(.*/)?.*$"),
        ("dir/**", PatternKind.PREFIX, "dir/"),
        ("**/dir", PatternKind.SUFFIX, "/dir"),
        ("**/dir2/*", PatternKind.REGEXP, "^(.*/)?dir2/[^/]*$"),
        ("**/dir2/**", PatternKind.REGEXP, "^(.*/)?dir2/.*$"),
        ("**file", PatternKind.SUFFIX, "file"),
        ("**/**/*.txt", PatternKind.REGEXP, r"^(.*/)?(.*/)?[^/]*\.txt$"),
        ("abc.def", PatternKind.EXACT, "abc.def"),
        ("abc?def", PatternKind.REGEXP, "^abc[^/]def$"),
        ("a.|)$(}+{bc", PatternKind.EXACT, "a.|)$(}+{bc"),
    ],
)
def test_a_pattern_is_compared_in_the_reference_s_way(pattern: str, kind: PatternKind, text: str) -> None:
    compiled = compile_pattern(pattern)
    assert (compiled.kind, compiled.text) == (kind, text)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("[[:alpha:]]*", "é", False),
        ("[[:^alpha:]]*", "é", True),
        (r"\d*", "7up", True),  # Go's digit class, not a quoted d
        (r"\d*", "d", False),
        (r"\x41*", "ABC", True),
        (r"\101*", "ABC", True),
        (r"a\b*", "a", True),
        (r"\pL*", "é", True),
        (r"\PL*", "é", False),
        (r"[\w]*", "_", True),
        (r"\Qa*", "aaa", False),  # all behind \Q is text, the end of the expression too
        ("[a*]", "aaa]", True),  # a star in brackets is a star of Go's expression
        ("[!a]", "b", False),  # `!` is a member, not a negation
        ("[!a]", "!", True),
        ("*.{js,ts}", "a.js", False),  # no braces as in a shell
        ("*.{js,ts}", "a.{js,ts}", True),
        ("[ab]{2}", "ab", True),  # yet a number in braces repeats
        ("[ab]{2}", "aba", False),
        ("a*|b", "xb", True),  # and a bar separates, each side anchored at one end
        ("a*|b", "ax/y", True),
        ("a*|b", "c", False),
        ("a^*", "a^", False),
        ("?", "\n", True),
        ("**/x*", "a\n/x", False),  # `.` does not match a line break
        ("[^a]", "/", True),
    ],
)
def test_go_s_expression_shines_through(pattern: str, path: str, expected: bool) -> None:
    check_pattern(pattern)
    assert compile_pattern(pattern).matches(path) is expected


@pytest.mark.parametrize(
    "pattern",
    ["[z-a]", r"\q*", r"\8*", r"\pQ*", "[[:foo:]]", r"[a-\d]", "*{2}", "x*{2}{3}", "[a]{3,2}", "[a]{1001}", "a*|{2}"],
)
def test_an_expression_that_go_cannot_compile_is_broken(pattern: str) -> None:
    check_pattern(pattern)
    compiled = compile_pattern(pattern)
    assert compiled.kind is PatternKind.BROKEN
    with pytest.raises(BadPatternError):
        compiled.matches("x")


def test_bytes_that_are_not_utf_8_are_one_unknown_character_each_to_an_expression() -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert compile_pattern("caf?").matches(name)
    assert compile_pattern("caf\ufffd*").matches(name)
    assert not compile_pattern("caf\ufffd").matches(name)  # text is compared as it is


def test_a_byte_order_mark_is_dropped_from_an_expression_only() -> None:
    assert compile_pattern("\ufeff*.pyc").matches("a.pyc")
    assert not compile_pattern("\ufeffa").matches("a")
    assert not compile_pattern("\ufeff**/a").matches("a")


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        ("", "."),
        ("a//b/./c/..", "a/b"),
        ("../a", "../a"),
        ("/../a", "/a"),
        ("//a", "/a"),
        ("!../../x", "x"),
        ("a/", "a"),
    ],
)
def test_paths_are_cleaned_as_go_does(path: str, cleaned: str) -> None:
    assert clean_path(path) == cleaned


def test_many_stars_come_to_an_end() -> None:
    pattern = compile_pattern("*a" * 25 + "b")
    assert not pattern.matches("a" * 200)  # trying every way would outlast us all


@given(st.text("ab.*[]-\\é?12", min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
def test_any_quoted_name_matches_itself(name: str) -> None:
    quoted = re.sub(r"[\\*?\[\]]", lambda match: f"\\{match[0]}", name)
    check_pattern(quoted)
    assert compile_pattern(quoted).matches(name)


@given(st.lists(st.sampled_from(["a", "b", "*", "?"]), max_size=8), st.text("ab", max_size=8))
@settings(max_examples=300, deadline=None)
def test_stars_match_as_plain_search_would(pieces: list[str], name: str) -> None:
    pattern = re.sub(r"\*+", "*", "".join(pieces))
    expected = re.fullmatch(pattern.replace("*", "[^/]*").replace("?", "[^/]"), name) is not None
    assert compile_pattern(pattern).matches(name) is expected
