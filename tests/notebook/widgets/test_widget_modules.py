"""Joining ES modules: each stays a scope of its own, and what can't be joined is refused."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from flexiflow.errors import FlexiFlowError
from flexiflow.graph.theme import RULES
from flexiflow.notebook.widgets.modules import STATIC, joined, script, style

ENTRIES = ["watch.js", "explorer.js", "trace.js"]


def value_of(module: str) -> object:
    """The default export of an ES module, as Node sees it."""
    code = (
        f"{module.replace('export default ', 'const found = ')}console.log(JSON.stringify(found))"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", code], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_a_module_gets_what_it_imports():
    """Also what comes by way of another module."""
    sources = {
        "a.js": 'import { double } from "./b.js";\nexport default double(4);\n',
        "b.js": 'import { two } from "./c.js";\nexport function double(n) { return n * two; }\n',
        "c.js": "export const two = 2;\n",
    }
    assert value_of(joined("a.js", sources)) == 8


def test_names_that_are_not_exported_stay_apart():
    """Two modules may each have a helper of the same name."""
    sources = {
        "a.js": 'import { b } from "./b.js";\nfunction helper() { return 1; }\n'
        "export default [helper(), b()];\n",
        "b.js": "function helper() { return 2; }\nexport function b() { return helper(); }\n",
    }
    assert value_of(joined("a.js", sources)) == [1, 2]


def test_a_module_that_several_import_runs_once():
    """As for real modules."""
    sources = {
        "a.js": 'import { b } from "./b.js";\nimport { c } from "./c.js";\n'
        "export default [b, c];\n",
        "b.js": 'import { next } from "./n.js";\nexport const b = next();\n',
        "c.js": 'import { next } from "./n.js";\nexport const c = next();\n',
        "n.js": "let n = 0;\nexport function next() { return ++n; }\n",
    }
    assert value_of(joined("a.js", sources)) == [1, 2]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ('import { x } from "./gone.js";\n', "There is no module gone.js."),
        ('import { x } from "./a.js";\n', "The modules import each other in a circle."),
        ('import * as x from "./b.js";\n', 'can\'t be joined: import * as x from "./b.js";'),
        ("export { x };\n", "can't be joined: export { x };"),
    ],
)
def test_what_cannot_be_joined_is_refused(source, why):
    """Rather than sent to a browser that can't run it."""
    with pytest.raises(FlexiFlowError) as caught:
        joined("a.js", {"a.js": source, "b.js": ""})
    assert why in caught.value.why


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_scripts_of_the_widgets_are_whole(entry):
    """Node can read them, and they hold nothing that ends a script element."""
    code = script(entry)
    done = subprocess.run(
        ["node", "--check", "--input-type=module"], input=code, capture_output=True, text=True
    )
    assert (done.stderr, "</script" in code, "<!--" in code) == ("", False, False)


def test_scripts_never_parse_data_as_markup():
    """Names come from users: they become text nodes."""
    forbidden = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(")
    found = [
        (path.name, word)
        for path in STATIC.glob("*.js")
        for word in forbidden
        if word in path.read_text("utf-8")
    ]
    assert found == []


def test_nothing_static_names_another_host():
    """No font, picture or script is fetched."""
    texts = [path.read_text("utf-8") for path in STATIC.iterdir()] + [style()]
    assert [text[:40] for text in texts if "http:" in text or "https:" in text] == []


def test_what_a_script_marks_a_line_with_is_no_part_of_a_picture():
    """Else the colour of the part would be that of the whole line, its wide target included."""
    marks = re.findall(r'toggle\(\w+, "([\w-]+)"', (STATIC / "graph.js").read_text("utf-8"))
    assert "ff-failed" in marks
    assert {part for _, part, _ in RULES} & set(marks) == set()
