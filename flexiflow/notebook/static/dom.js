// Making elements. Text always becomes a text node: nothing that a user named is ever parsed.

// Control characters and bidi overrides, which could hide or reorder what stands around them.
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Text with its invisible characters spelt out, bounded.
 * @param {unknown} value
 * @param {number} [longest]
 */
export function visible(value, longest = 2000) {
  const text = String(value ?? "");
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return cut.replace(INVISIBLE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** A correlation id that is read, not typed: of a long one the beginning is enough, a short one is whole. */
export function shortId(id) {
  return visible(id, String(id).length > 16 ? 8 : 16);
}

/** A name of someone else's: one of blanks alone is quoted, so that it can be seen. */
export function named(value, longest) {
  const text = visible(value, longest);
  return text.trim() ? text : `"${text}"`;
}

/** A number with commas. Made once: `toLocaleString` makes its rules anew for each number. */
export const counted = new Intl.NumberFormat("en").format;

/**
 * One HTML element.
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] `on` holds listeners by event; a value of
 *   false, null or undefined leaves the attribute out.
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    } else if (value !== false && value !== null && value !== undefined) {
      made.setAttribute(name, value === true ? "" : String(value));
    }
  }
  made.append(...nodes(children));
  return made;
}

/** Replace what stands in an element. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/** Set an element's text only where it differs, so that a screen reader is not told twice. */
export function setText(element, value, longest) {
  const text = visible(value, longest);
  if (element.textContent !== text) element.textContent = text;
}

/**
 * The SVG in a text, checked and ready to be put into the page; null where it is none.
 * @param {string} text
 * @returns {SVGSVGElement | null}
 */
export function svgOf(text) {
  const root = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (root.nodeName !== "svg" || root.querySelector("parsererror, script, foreignObject")) return null;
  return document.importNode(root, true);
}

/**
 * Calls `action` once, `delay` milliseconds after the last request.
 * @param {(...args: any[]) => void} action
 * @param {number} delay
 */
export function debounced(action, delay) {
  let timer = 0;
  const later = (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...args), delay);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}

function nodes(children) {
  return children
    .filter((each) => each !== null && each !== undefined && each !== false)
    .map((each) => (each instanceof Node ? each : document.createTextNode(visible(each, 20000))));
}
