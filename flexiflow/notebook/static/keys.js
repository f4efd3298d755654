// Keys that work wherever the focus is inside a widget, and the list of them.
import { el } from "./dom.js";

const FIELDS = "input:not([type=range]), textarea, select, [contenteditable]";

/**
 * @typedef {object} Key
 * @property {string[]} keys values of `KeyboardEvent.key`
 * @property {string} name how the list calls them
 * @property {string} does
 * @property {() => void} press
 */

/**
 * Listen to keys. A part of the widget that uses a key itself stops its event; in a field that
 * takes text only Escape is listened to.
 * @param {HTMLElement} root
 * @param {Key[]} keys
 */
export function listenToKeys(root, keys) {
  const byKey = new Map(keys.flatMap((each) => each.keys.map((key) => [key, each])));
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const writing = event.target.matches?.(FIELDS);
    const found = byKey.get(event.key);
    if (!found || (writing && event.key !== "Escape")) return;
    if (event.key === " " && event.target.closest("button, summary")) return; // it presses what has the focus
    found.press();
    event.preventDefault();
    event.stopPropagation();
  });
}

/** The list of keys, hidden until it is asked for. @param {Key[]} keys */
export function keyList(keys) {
  const rows = keys.flatMap((each) => [el("dt", {}, el("kbd", {}, each.name)), el("dd", {}, each.does)]);
  return el("dl", { class: "ff-keys", hidden: true, "aria-label": "Keys" }, ...rows);
}
