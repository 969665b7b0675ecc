"""Facts of an image -> what is proposed: the least that brings all that is needed; what cannot be judged stays."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockertools.errors import DockertoolsError
from dockertools.learn.compilers import propose_build
from dockertools.learn.facts import (
    NEEDS,
    OPENS,
    STARTS,
    Compiled,
    EnvironmentFacts,
    Need,
    Package,
    RepositoryFacts,
    SystemFacts,
    User,
)
from dockertools.learn.learn import Learned
from dockertools.learn.proposal import (
    ADD,
    KEEP,
    REMOVE,
    UNKNOWN,
    Evidence,
    Line,
    NamedPackages,
    Proposal,
    change_list,
    propose_runtime,
)
from dockertools.learn.relations import fewest, installed_with, make_relations
from dockertools.management.learn import LearnOptions, judge

LIB = "/usr/lib/x86_64-linux-gnu"
MODULE = User("/opt/venv/lib/python3.13/site-packages/shop/_draw.so", "shop")


def packages(*items: Package) -> dict[str, Package]:
    return {item.name: item for item in items}


def library(name: str, soname: str, *depends: str) -> Package:
    return Package(name=name, libraries=(soname,), depends=tuple((word,) for word in depends))


def system(*items: Package) -> SystemFacts:
    owners = {f"{LIB}/{soname}": item.name for item in items for soname in item.libraries}
    owners |= {f"/usr/bin/{program}": item.name for item in items for program in item.programs}
    return SystemFacts("trixie", packages(*items), owners, {path.rpartition("/")[2]: path for path in owners})


def needs(name: str, *, is_there: bool = True, how: str = NEEDS, is_certain: bool = True) -> Need:
    folder = "/usr/bin" if how == STARTS else LIB
    return Need(name, how, (MODULE,), f"{folder}/{name}" if is_there else None, is_certain)


def evidence(*found: Need, runtime: SystemFacts | None = None, **values: object) -> Evidence:
    environment = EnvironmentFacts(needs=found, distributions=("shop",), elf_files=1)
    made = Evidence(environment=environment, runtime=runtime or system(), base=frozenset({"libc6"}))
    return dataclasses.replace(made, **values)  # type: ignore[arg-type]  # each test names fields of it


def verdicts(lines: tuple[Line, ...]) -> dict[str, str]:
    return {line.package: line.action for line in lines}


def propose(
    facts: Evidence, *configured: str, inferred: tuple[str, ...] = ()
) -> tuple[dict[str, str], tuple[str, ...]]:
    lines, names = propose_runtime(facts, NamedPackages(configured, inferred))
    return verdicts(lines), names


def test_what_is_missing_is_found_in_the_builder() -> None:
    builder = system(library("libcairo2", "libcairo.so.2", "libc6", "libpng16-16"))
    found, names = propose(evidence(needs("libcairo.so.2", is_there=False), builder=builder), "...")
    assert (found, names) == ({"libcairo2": ADD}, ("...", "libcairo2"))


def test_what_no_image_has_is_found_in_the_repository() -> None:
    repository = RepositoryFacts({"libpango.so.0": ("libpango0",)}, packages(Package(name="libpango0")))
    found, names = propose(evidence(needs("libpango.so.0", is_there=False, how=OPENS), repository=repository))
    assert (found, names) == ({"libpango0": ADD}, ("libpango0",))


def test_a_package_that_another_one_brings_is_not_named() -> None:
    builder = system(library("libft1", "libft.so.1", "libpango0"), library("libpango0", "libpango.so.0"))
    missing = (needs("libft.so.1", is_there=False), needs("libpango.so.0", is_there=False))
    assert propose(evidence(*missing, builder=builder)) == ({"libft1": ADD}, ("libft1",))


@pytest.mark.parametrize(
    ("owners", "words"),
    [((), "no package of the suite"), (("liba1", "liba1-alt"), "several packages bring it, so that you must choose: ")],
)
def test_what_nobody_or_more_than_one_brings_is_said_to_be_unknown(owners: tuple[str, ...], words: str) -> None:
    repository = RepositoryFacts({"liba.so.1": owners} if owners else {})
    lines, names = propose_runtime(
        evidence(needs("liba.so.1", is_there=False), repository=repository), NamedPackages(("...",), ())
    )
    assert [(line.action, line.package) for line in lines] == [(UNKNOWN, "liba.so.1")]
    assert lines[0].reason.startswith(words)
    assert names == ("...",)


def test_why_the_repository_could_not_be_asked_is_told() -> None:
    repository = RepositoryFacts(trouble="the suite's repository cannot be asked: E: no network")
    lines, _ = propose_runtime(evidence(needs("a.so.1", is_there=False), repository=repository), NamedPackages((), ()))
    assert lines[0].reason.endswith("no network")


def test_a_file_that_the_base_lost_is_nothing_that_a_package_brings_back() -> None:
    runtime = system(library("libz1", "libz.so.1"))
    facts = evidence(needs("libz.so.1", is_there=False), runtime=runtime, base=frozenset({"libz1"}))
    assert propose(facts) == ({"libz.so.1": UNKNOWN}, ())


def test_an_image_built_on_nothing_gets_packages_of_its_base_by_name() -> None:
    runtime = system(library("libz1", "libz.so.1"))
    facts = evidence(
        needs("libz.so.1", is_there=False), runtime=runtime, base=frozenset({"libz1"}), has_whole_base=False
    )
    assert propose(facts) == ({"libz1": ADD}, ("libz1",))


def test_what_is_there_because_something_needless_brought_it_is_named_itself() -> None:
    runtime = system(library("libbig1", "libbig.so.1", "libsmall1"), library("libsmall1", "libsmall.so.1"))
    facts = evidence(needs("libsmall.so.1"), runtime=runtime)
    assert propose(facts, "libbig1") == ({"libsmall1": ADD, "libbig1": REMOVE}, ("libsmall1",))


def test_what_only_an_older_image_has_is_missing() -> None:
    """The Dockerfile may have changed since: then its stage has lost what the image still has."""
    builder = system(library("libcairo2", "libcairo.so.2"))
    runtime = system(library("libz1", "libz.so.1"))
    assert propose(evidence(needs("libcairo.so.2"), builder=builder, runtime=runtime)) == (
        {"libcairo2": ADD},
        ("libcairo2",),
    )


def test_a_library_of_no_package_is_nobodys_business() -> None:
    found = dataclasses.replace(needs("libown.so"), path="/opt/vendor/libown.so")
    assert propose(evidence(found, runtime=system(library("libz1", "libz.so.1"))), "...") == ({}, ("...",))


def test_a_guess_of_foreign_code_is_no_need() -> None:
    assert propose(evidence(needs("libcuda.so.1", is_there=False, is_certain=False)), "...") == ({}, ("...",))


PLAIN = library("libx1", "libx.so.1")


@pytest.mark.parametrize(
    ("package", "values", "words"),
    [
        (dataclasses.replace(PLAIN, programs=("draw",)), {}, "brings programs (draw)"),
        (Package(name="libx1", has_data=True), {}, "brings data"),
        (Package(name="libx1", has_plugins=True, has_data=True), {}, "brings plugins"),
        (Package(name="libx1", depends=(("libc6",),)), {}, "only depends on others"),
        (PLAIN, {"base": frozenset({"libx1"})}, "the base image has it anyway"),
        (PLAIN, {"opened_by": {"libx1": "shop"}}, "shop needs it: no file shows it, it is known"),
        (PLAIN, {"environment": EnvironmentFacts(mentions={"libx": "/app/draw.py"})}, "/app/draw.py names its library"),
    ],
)
def test_what_cannot_be_judged_is_kept_and_why(package: Package, values: dict[str, object], words: str) -> None:
    lines, names = propose_runtime(evidence(runtime=system(package), **values), NamedPackages(("libx1",), ()))
    assert [(line.action, names) for line in lines] == [(KEEP, ("libx1",))]
    assert words in lines[0].reason


def test_a_library_that_nothing_needs_or_names_goes() -> None:
    lines, names = propose_runtime(evidence(runtime=system(PLAIN)), NamedPackages(("libx1", "..."), ()))
    assert [(line.action, line.reason) for line in lines] == [(REMOVE, "no file needs or names libx.so.1")]
    assert names == ("...",)


def test_what_another_kept_package_depends_on_stays() -> None:
    data = Package(name="tool", programs=("tool",), depends=(("libx1",),))
    found, _ = propose(evidence(runtime=system(PLAIN, data)), "libx1", "tool")
    assert found == {"libx1": KEEP, "tool": KEEP}


def test_a_program_is_a_need() -> None:
    runtime = system(Package(name="poppler-utils", programs=("pdftoppm",)))
    builder = system(Package(name="git", programs=("git",)))
    facts = evidence(needs("pdftoppm", how=STARTS), needs("git", how=STARTS, is_there=False), runtime=runtime)
    found, _ = propose(dataclasses.replace(facts, builder=builder), "poppler-utils")
    assert found == {"git": ADD, "poppler-utils": KEEP}


def test_something_inferred_that_goes_makes_the_list_explicit() -> None:
    named = NamedPackages(("mine", "..."), ("liba1", "libb1"))
    assert change_list(named, {"liba1"}, ["libc1"]) == ("mine", "libb1", "libc1")
    assert change_list(named, {"mine"}, ["libc1"]) == ("...", "libc1")
    assert change_list(named, (), ()) == ("mine", "...")


DEV = Package(name="libcairo2-dev", links=(f"{LIB}/libcairo.so.2.1",), has_headers=True)
BUILDER = SystemFacts(
    "trixie",
    packages(DEV, Package(name="gcc"), Package(name="git"), Package(name="libxml2-dev", has_headers=True)),
    {},
    {"libcairo.so.2": f"{LIB}/libcairo.so.2.1"},
)
BUILD = NamedPackages(("gcc", "git", "libcairo2-dev", "libxml2-dev", "gone"), ())


def test_where_nothing_was_compiled_no_compiler_was_used() -> None:
    lines, names = propose_build(EnvironmentFacts(distributions=("shop",)), BUILDER, BUILD)
    assert names == ("git", "gone")
    assert verdicts(lines)["libxml2-dev"] == REMOVE


def test_where_something_was_compiled_nothing_is_certain() -> None:
    environment = EnvironmentFacts(compiled=(Compiled("pycairo", ("libcairo.so.2", "libc.so.6")),))
    lines, names = propose_build(environment, BUILDER, BUILD)
    assert names == BUILD.all
    reasons = {line.package: line.reason for line in lines}
    assert reasons["libcairo2-dev"] == "linked into what was compiled: libcairo.so.2 of pycairo"
    assert reasons["gcc"] == "compiled here: pycairo"
    assert reasons["libxml2-dev"] == "not judged: headers leave no trace in pycairo"


def test_a_file_of_no_distribution_may_have_been_compiled() -> None:
    lines, names = propose_build(EnvironmentFacts(loose_objects=("/app/fast.so",)), BUILDER, BUILD)
    assert names == BUILD.all
    assert "/app/fast.so" in lines[0].reason


NAMES = st.sampled_from("abcdefgh")
GROUPS = st.lists(st.lists(NAMES, min_size=1, max_size=2).map(tuple), max_size=3).map(tuple)
TREES = st.dictionaries(NAMES, GROUPS, max_size=8)


@given(TREES, st.sets(NAMES, max_size=5), st.sets(NAMES, max_size=2), st.sets(NAMES, max_size=2))
@settings(deadline=None, max_examples=200)
def test_the_fewest_bring_all_and_none_is_for_nothing(
    tree: dict[str, tuple[tuple[str, ...], ...]], needed: set[str], kept: set[str], base: set[str]
) -> None:
    relations = make_relations({name: Package(name=name, depends=groups) for name, groups in tree.items()}, base)
    named = fewest(needed, kept, relations)
    assert needed - base <= installed_with({*named, *kept}, relations)
    assert set(named) <= needed - base - kept
    for name in named:
        without = installed_with({*named, *kept} - {name}, relations)
        assert not needed - base <= without


def test_a_choice_that_falls_otherwise_later_is_seen() -> None:
    relations = make_relations(
        packages(Package(name="a"), Package(name="b"), Package(name="f", depends=(("a", "b"), ("b",))))
    )
    assert fewest({"a", "b"}, {"f"}, relations) == ()


def test_of_alternatives_the_first_is_brought_unless_another_is_there() -> None:
    tree = packages(
        Package(name="gdal", depends=(("libblas3", "libblas.so.3"),)),
        Package(name="libblas3", provides=("libblas.so.3",)),
        Package(name="openblas", provides=("libblas.so.3",)),
    )
    relations = make_relations(tree)
    assert installed_with(["gdal"], relations) == {"gdal", "libblas3"}
    assert installed_with(["gdal", "openblas"], relations) == {"gdal", "openblas"}
    assert fewest({"gdal", "openblas"}, (), relations) == ("gdal", "openblas")


def learned(*lines: Line, **changes: tuple[str, ...]) -> Learned:
    return Learned("shop:latest", evidence(), Proposal(lines, (), ()), changes)


@pytest.mark.parametrize(
    ("found", "has_gate", "code"),
    [
        (learned(Line(ADD, "RUNTIME_PACKAGES", "libpq5", "")), True, None),
        (learned(RUNTIME_PACKAGES=("libpq5",)), False, None),
        (learned(RUNTIME_PACKAGES=("libpq5",)), True, "drift"),
        (learned(Line(UNKNOWN, "RUNTIME_PACKAGES", "libx.so.1", "")), False, "library-unknown"),
    ],
)
def test_what_is_an_error(found: Learned, has_gate: bool, code: str | None) -> None:
    options = LearnOptions(is_applied=False, has_gate=has_gate, force=False, is_interactive=False, verbosity=1)
    if code is None:
        judge(found, options, {})
        return
    with pytest.raises(DockertoolsError) as caught:
        judge(found, options, {"learn": {}})
    assert (caught.value.code, caught.value.exit_code, caught.value.details) == (code, 1, {"learn": {}})
    assert caught.value.hint
