// The head of the explorer of a history: whose it is, the verdict on it, and what can be asked.
import { el, named, setText, visible } from "./dom.js";
import { componentChoice } from "./choice.js";
import { button } from "./controls.js";
import { follow } from "./shell.js";

const MARKS = { stuck: "■ STUCK", waiting: "● waiting", finished: "✓ finished", unknown: "? unknown" };

/**
 * @param {import("./shell.js").Shell} frame
 * @param {any} model
 * @param {(what: string) => void} ask asks Python
 * @param {HTMLElement} zoom the graph's buttons
 * @returns {HTMLElement}
 */
export function explorerHead(frame, model, ask, zoom) {
  const title = el("h3", { class: "ff-title" });
  const kind = el("strong");
  const headline = el("span", { class: "ff-headline" });
  const answer = el("div", { class: "ff-answer", hidden: true });
  const why = button("Why", () => {
    if (!model.get("told").why) return ask("why");
    answer.hidden = !answer.hidden;
    why.setAttribute("aria-expanded", String(!answer.hidden));
  }, { title: "The verdict in sentences" });
  follow(frame, model, "component", (name) => {
    setText(title, named(name, 200));
    frame.root.setAttribute("aria-label", `History of ${visible(name, 80)}`);
  });
  follow(frame, model, "told", (told) => {
    setText(kind, MARKS[told.kind] ?? "");
    kind.className = told.kind === "stuck" ? "ff-failed-text" : "";
    setText(headline, withoutName(told.headline ?? "", model.get("component")), 600);
    setText(answer, (told.why ?? []).join("\n"), 6000);
    why.hidden = told.why ? told.why.length === 0 : frame.offline || Boolean(told.empty);
  });
  const whose = el("div", { class: "ff-whose" }, title, componentChoice(frame, model), kind);
  const tools = el("div", { class: "ff-head-tools" }, why, refreshButton(frame, ask), zoom);
  return el("div", {}, el("div", { class: "ff-head-row" }, whose, headline, tools), answer);
}

/** A verdict's headline without the name that it begins with: the title has it. */
function withoutName(headline, name) {
  return headline.startsWith(`${name}: `) ? headline.slice(name.length + 2) : headline;
}

/** For a database that somebody writes meanwhile. */
function refreshButton(frame, ask) {
  if (frame.offline) return null;
  const again = button("⟳", () => ask("refresh"), { title: "Read what was recorded since" });
  again.setAttribute("aria-label", "Read what was recorded since");
  return again;
}
