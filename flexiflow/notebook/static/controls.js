// Small controls: buttons, a toolbar, tabs and chips.
import { el, fill, setText, visible } from "./dom.js";

/** A push button. `title` is its hover text. */
export function button(label, onPress, { title = null, kind = "" } = {}) {
  return el("button", { type: "button", class: `ff-button ${kind}`.trim(), title, on: { click: onPress } }, label);
}

/** A group of buttons, with a name for those who can't see it. */
export function toolbar(label, ...buttons) {
  return el("div", { class: "ff-toolbar", role: "group", "aria-label": label }, ...buttons);
}

/**
 * Tabs with their panels; arrows move between them.
 * @param {string} label
 * @param {{title: string, panel: HTMLElement}[]} pages
 * @param {(index: number) => void} [onShow]
 * @returns {{element: HTMLElement, show: (index: number) => void, retitle: (index: number, title: string) => void}}
 */
export function tabs(label, pages, onShow = () => {}) {
  const names = pages.map((page, index) =>
    el("button", { type: "button", role: "tab", class: "ff-tab", on: { click: () => show(index) } }, page.title),
  );
  const bar = el("div", { role: "tablist", class: "ff-tabs", "aria-label": label, on: { keydown } }, ...names);
  const panels = pages.map((page) => el("div", { role: "tabpanel", class: "ff-tabpanel", "aria-label": page.title }, page.panel));

  function show(chosen) {
    names.forEach((name, index) => {
      name.setAttribute("aria-selected", String(index === chosen));
      name.tabIndex = index === chosen ? 0 : -1;
      panels[index].hidden = index !== chosen;
    });
    onShow(chosen);
  }

  function keydown(event) {
    const moves = { ArrowRight: 1, ArrowLeft: -1 };
    const step = moves[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = (names.indexOf(event.target) + step + names.length) % names.length;
    show(next);
    names[next].focus();
  }

  show(0);
  return { element: el("div", {}, bar, ...panels), show, retitle: (index, title) => setText(names[index], title) };
}

/**
 * Chips for what is filtered, each with a button that takes it away.
 * @param {HTMLElement} place
 * @param {string[]} texts
 * @param {(index: number) => void} onDrop
 */
export function chips(place, texts, onDrop) {
  fill(
    place,
    ...texts.map((text, index) =>
      el("span", { class: "ff-chip" }, text,
        el("button", { type: "button", "aria-label": `Remove ${visible(text, 80)}`, on: { click: () => onDrop(index) } }, "×")),
    ),
  );
}
