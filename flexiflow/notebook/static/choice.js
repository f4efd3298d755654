// The choice of a component, where a view has several.
import { counted, el, fill, named } from "./dom.js";
import { follow } from "./shell.js";

/**
 * A list of the model's `names`: each a name, or a name and where that is.
 * @param {import("./shell.js").Shell} frame
 * @param {any} model
 * @param {() => void} [onFocus]
 * @returns {HTMLElement | null} null where the view has no names
 */
export function componentChoice(frame, model, onFocus = () => {}) {
  if (frame.offline || !model.get("names")) return null;
  const choose = () => {
    model.set("component", list.value);
    model.save_changes();
  };
  const list = el("select", { class: "ff-choice", "aria-label": "Component", on: { change: choose, focus: onFocus, blur: () => refill() } });
  const refill = () => {
    if (document.activeElement === list) return; // not under somebody's hand
    const more = model.get("names_left_out");
    list.hidden = model.get("names").length < 2;
    fill(list, ...model.get("names").map((each) => option([each].flat(), model.get("component"))),
      more ? el("option", { disabled: true }, `… and ${counted(more)} more: set .component in Python`) : null);
  };
  follow(frame, model, "names", refill);
  follow(frame, model, "names_left_out", refill);
  follow(frame, model, "component", refill);
  return list;
}

function option([name, state], chosen) {
  const text = state === undefined ? named(name, 60) : `${named(name, 60)} · ${named(state, 40)}`;
  return el("option", { value: name, selected: name === chosen }, text);
}
