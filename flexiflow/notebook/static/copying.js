// Copying a text, also where the page may not.
import { el, fill } from "./dom.js";

/**
 * Copies to the clipboard; where the browser does not allow it, into a field to be copied by hand.
 * @param {HTMLElement} root notes what was copied
 * @param {string} text
 * @param {HTMLElement} place of the field
 * @param {() => void} tell says that it is done
 */
export async function copyText(root, text, place, tell) {
  try {
    await navigator.clipboard.writeText(text);
    tell();
  } catch {
    const field = el("textarea", { class: "ff-copied", readonly: true, rows: text.split("\n").length, "aria-label": "To copy" });
    field.value = text;
    place.hidden = false;
    fill(place, field);
    field.select();
  }
  root.dataset.ffCopied = text;
}
