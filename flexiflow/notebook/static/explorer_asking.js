// What the explorer of a history asks of Python, which holds the whole file: when a condition held,
// and other parts than the one that was sent.
import { el } from "./dom.js";
import { button, toolbar } from "./controls.js";
import { follow } from "./shell.js";

/**
 * A field for a condition, and the buttons that go from match to match.
 * @param {{search: (text: string) => void, match: (by: number) => void}} on
 * @returns {{element: HTMLElement, field: HTMLInputElement}}
 */
export function searchForm({ search, match }) {
  const field = el("input", { type: "text", placeholder: "attempts > 2", spellcheck: "false", autocomplete: "off", "aria-label": "When did this hold" });
  const find = () => search(field.value.trim());
  // No form: some pages let none be submitted.
  field.addEventListener("keydown", (event) => event.key === "Enter" && find());
  const element = el("div", { class: "ff-line ff-search", role: "search" },
    el("span", { class: "ff-caption" }, "where"), field, button("Find", find),
    toolbar("Matches", button("‹", () => match(-1), { title: "Match before (N)" }), button("›", () => match(1), { title: "Next match (n)" })));
  return { element, field };
}

/**
 * Buttons for the parts before and after the one that is shown, where there are such.
 * @param {import("./shell.js").Shell} frame
 * @param {any} model
 * @param {(part: string) => void} ask
 */
export function otherParts(frame, model, ask) {
  const [earlier, later] = [["Earlier", "earlier"], ["Later", "later"]].map(([label, part]) => button(label, () => ask(part)));
  follow(frame, model, "told", (told) => {
    earlier.hidden = !(told.first > 0);
    later.hidden = !(told.first + told.shown < told.total);
  });
  return toolbar("Other parts", earlier, later);
}
