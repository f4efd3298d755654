// The frame of every widget: one root, one region that speaks, and the static picture hidden.
import { el, setText } from "./dom.js";

/**
 * @typedef {object} Shell
 * @property {HTMLElement} root where the widget goes
 * @property {(text: string) => void} say tells a screen reader, and shows nothing
 * @property {(dispose: () => void) => void} later what to do when the view goes
 * @property {() => void} dispose anywidget calls it
 * @property {boolean} offline whether there is no Python behind the model
 */

/**
 * @param {{model: any, el: HTMLElement}} view what anywidget gives
 * @param {string} label what a screen reader says of the whole
 * @returns {Shell}
 */
export function shell({ model, el: host }, label) {
  const live = el("div", { class: "ff-spoken", role: "status", "aria-live": "polite" });
  // JupyterLab has single letters of its own, unless this attribute is there.
  const root = el("section", { class: "ff-widget", "data-lm-suppress-shortcuts": "true", "aria-label": label });
  root.style.setProperty("--ff-height", `${model.get("height")}px`);
  root.append(live);
  host.classList.add("ff-host");
  host.append(root);
  const shown = hideStatic(model.get("_picture"));
  const disposals = [shown];
  root.dataset.ffMounted = "true";
  return {
    root,
    offline: Boolean(model.offline),
    say: (text) => setText(live, text),
    later: (dispose) => disposals.push(dispose),
    dispose: () => disposals.splice(0).forEach((each) => each()),
  };
}

/**
 * Calls `listener` now and whenever the value changes.
 * @param {Shell} frame
 */
export function follow(frame, model, name, listener) {
  const changed = () => listener(model.get(name));
  model.on(`change:${name}`, changed);
  frame.later(() => model.off(`change:${name}`, changed));
  changed();
}

/** Hides the static picture of this widget; the function that it returns shows it again. */
function hideStatic(token) {
  const pictures = [...document.querySelectorAll("[data-flexiflow-picture]")]
    .filter((each) => token && each.dataset.flexiflowPicture === token)
    .map((each) => each.closest(".jp-OutputArea-child") ?? each);
  for (const each of pictures) each.style.display = "none";
  return () => pictures.forEach((each) => each.style.removeProperty("display"));
}
