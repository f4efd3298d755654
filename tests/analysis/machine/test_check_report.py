"""Reports written down: names in them can't become markup, and nothing is lost."""

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from flexiflow.analysis.machine.check_report import Check, CheckReport
from flexiflow.graph.findings import Coverage
from flexiflow.graph.model import Graph

texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["]]>", "<failure/>", "&amp;", "a|b", "# head", "- item", "1. item", "```", "\x00",
         "\ufffe", "\ud800", "\u202eabc", "[x](javascript:alert(1))", "<img src=x>", "    code",
         "---", "===", "> quote", "+ item", "a\n\n# b"]
    ),
)  # fmt: skip


def report(*checks, machine="order", notes=()):
    return CheckReport(machine, checks, Coverage(0, 0, 100.0), Graph(machine), notes)


def test_all_have_to_pass():
    """One that fails is enough."""
    good, bad = Check("a", True, "Good."), Check("b", False, "Bad.")
    assert report(good).passed
    assert not report(good, bad).passed


def test_as_text():
    """A line a check, and what stands behind it indented."""
    bad = Check("b", False, "Bad.", ("one", "two"), "Mend it.")
    assert repr(report(Check("a", True, "Good."), bad, notes=("Only a part.",))).splitlines() == [
        "✓ a: Good.",
        "✕ b: Bad.",
        "    one",
        "    two",
        "    Fix: Mend it.",
        "Note: Only a part.",
    ]


@given(texts, texts, texts, texts)
def test_junit_is_xml_whatever_things_are_called(name, what, detail, machine):
    """Elements and their number are ours; texts are what `visible` makes of them."""
    checks = Check(name, False, what, (detail,), what), Check(name, True, what, (detail,))
    root = ElementTree.fromstring(report(*checks, machine=machine, notes=(detail,)).to_junit())
    assert [each.tag for each in root.iter()] == [
        "testsuites", "testsuite", "testcase", "failure", "testcase", "system-out", "system-out"
    ]  # fmt: skip
    assert (root.get("tests"), root.get("failures")) == ("2", "1")


@given(texts, texts, texts, texts)
def test_markdown_has_our_lines_whatever_things_are_called(name, what, detail, machine):
    """A name begins neither a heading, nor a list, nor code, and ends no cell."""
    made = report(Check(name, False, what, (detail,)), machine=machine, notes=(detail,))
    lines = made.to_markdown().splitlines()
    assert len(lines) == 11
    assert [line[:2] for line in lines if line] == ["# ", "| ", "|-", "| ", "##", "- ", "No"]
    assert len(re.findall(r"(?<!\\)\|", lines[4])) == 4
    assert not re.match(r"-\s+(#|[-+*>`~=]|\d+[.)]|\s)", lines[8])
    assert not re.search(r"(?<!\\)[<`\[]", made.to_markdown())
