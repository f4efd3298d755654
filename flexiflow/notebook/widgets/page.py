"""One offline file of a widget: its script, its data, and a policy that forbids every request."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from typing import Any

# The model as the script knows it, without a kernel behind it. What is set stays in the page.
_SHIM = """
const bytesOf = (text) => {
  const raw = atob(text), bytes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at += 1) bytes[at] = raw.charCodeAt(at);
  return new DataView(bytes.buffer);
};
const state = JSON.parse(document.getElementById("ff-state").textContent, (key, value) =>
  value && value.$bytes !== undefined ? bytesOf(value.$bytes) : value);
const listeners = {};
const model = {
  offline: true,
  get: (name) => state[name],
  set(name, value) {
    state[name] = value;
    (listeners["change:" + name] || []).slice().forEach((each) => each());
  },
  on(name, listener) { (listeners[name] = listeners[name] || []).push(listener); },
  off(name, listener) {
    listeners[name] = (listeners[name] || []).filter((each) => each !== listener);
  },
  save_changes() {},
  send() {},
};
widget.render({ model, el: document.getElementById("ff-root") });
"""

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; padding: 16px; background: Canvas; color: CanvasText;
  font: 12.5px/1.5 system-ui, sans-serif; }
main { max-width: 1200px; margin: 0 auto; }
footer { padding: 8px 12px; color: color-mix(in srgb, CanvasText 68%, Canvas); }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body><main>
<div id="ff-root"></div>
<footer>{note}</footer>
<noscript>{static}</noscript>
<script type="application/json" id="ff-state">{state}</script>
<script type="module">{script}</script>
</main></body>
</html>
"""


def offline_page(
    title: str, note: str, script: str, style: str, state: Mapping[str, Any], static: str
) -> str:
    """The whole file as HTML.

    Args:
        title: what the window says.
        note: what stands below the widget, such as when it was saved.
        script: an ES module whose default export has a ``render``, as anywidget wants it.
        style: its style sheet.
        state: the model's values by name; JSON-able, or bytes.
        static: HTML for readers whose browser runs no scripts.
    """
    code = script.replace("export default ", "const widget = ") + _SHIM
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    # Only this very script runs: a value that breaks out of its place could still do nothing.
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return _PAGE.format(
        policy=html.escape(policy, quote=True),
        title=html.escape(title),
        note=html.escape(note),
        style=_STYLE + style,
        static=static,
        state=_data_block(state),
        script=code,
    )


def _data_block(state: Mapping[str, Any]) -> str:
    """JSON that no ``</script>`` or ``<!--`` in a value can end."""
    return json.dumps(dict(state), default=_tagged_bytes, allow_nan=False).replace("<", "\\u003c")


def _tagged_bytes(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"{type(value).__name__} has no place in a page")
