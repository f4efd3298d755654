// An exercise: its task, what may be chosen, hints, the solution, and what is said to an answer.
import { el, fill, setText, visible } from "./dom.js";
import { button, toolbar } from "./controls.js";
import { GraphPane } from "./graph.js";
import { follow, shell } from "./shell.js";

const FORWARD = ["ArrowRight", "PageDown", " "]; // what a presenter's clicker sends, too

/** @param {{model: any, el: HTMLElement}} view */
function render({ model, el: host }) {
  const frame = shell({ model, el: host }, `Exercise ${visible(model.get("heading"), 120)}`);
  const ask = (what, value) => model.send({ do: what, value });
  if (model.get("present")) {
    frame.root.classList.add("ff-present");
    frame.root.tabIndex = 0;
    if (!frame.offline) frame.root.addEventListener("keydown", (event) => stepped(event, model, ask));
  }
  const task = el("div", { class: "ff-part" });
  const work = el("div", { class: "ff-work" }, ...picture(model, frame), questionPart(model, frame, ask));
  const body = el("div", { class: "ff-exercise" }, task, work);
  frame.root.append(header(model, frame), body);
  work.append(replyPart(model, frame));
  if (!frame.offline) work.append(helpers(model, frame, ask));
  follow(frame, model, "task", (blocks) => {
    fill(task, ...written(blocks));
    body.classList.toggle("ff-has-code", blocks.some((block) => block.code));
  });
  return frame.dispose;
}

function header(model, frame) {
  const title = el("h3", { class: "ff-title" });
  const kind = el("span", { class: "ff-muted" });
  const solved = el("span", { class: "ff-solved" }, "✓ solved");
  follow(frame, model, "heading", (text) => setText(title, text, 200));
  follow(frame, model, "kind", (text) => setText(kind, text));
  follow(frame, model, "solved", (yes) => {
    solved.hidden = !yes;
    frame.root.dataset.ffSolved = String(yes);
  });
  return el("div", { class: "ff-head-row" }, title, kind, el("span", { class: "ff-spring" }), solved);
}

/** The machine, where the exercise is about one. */
function picture(model, frame) {
  if (!model.get("svg")) return [];
  const largest = model.get("present") ? 1.6 : 1;
  const pane = new GraphPane({ label: "The machine of this exercise", onSelect: () => {}, largest });
  pane.show(model.get("svg"), model.get("words"));
  frame.later(() => pane.dispose());
  return [pane.element];
}

/** The question that is open, with its choices as buttons. */
function questionPart(model, frame, ask) {
  const asks = el("p", { class: "ff-asks" });
  const choices = el("div", { class: "ff-line", role: "group" });
  const how = el("p", { class: "ff-muted ff-asks" });
  const part = el("div", { class: "ff-part" }, asks, choices, how);
  follow(frame, model, "how", (text) => fill(how, ...inline(text)));
  follow(frame, model, "question", (open) => {
    const there = open.choices !== undefined;
    asks.hidden = choices.hidden = !there;
    how.hidden = there;
    frame.root.dataset.ffQuestion = there ? open.number : "none";
    if (!there) return;
    fill(asks, `${open.number} of ${open.total}. `, ...inline(open.asks));
    choices.setAttribute("aria-label", visible(open.asks, 300));
    const hadFocus = choices.contains(document.activeElement);
    const numbered = model.get("present");
    fill(choices, ...open.choices.map((each, at) => {
      const label = numbered && at < 9 ? `${at + 1} ${visible(each, 60)}` : visible(each, 60);
      const made = button(label, () => ask("answer", each));
      made.dataset.choice = each;
      if (frame.offline) made.disabled = true;
      return made;
    }));
    if (hadFocus) choices.firstElementChild?.focus();
  });
  return part;
}

/** What was said last. */
function replyPart(model, frame) {
  const box = el("div", { class: "ff-reply", role: "status", tabindex: 0, "aria-label": "Reply" });
  const part = el("div", { class: "ff-part" }, box);
  follow(frame, model, "reply", (said) => {
    part.hidden = said.verdict === undefined;
    box.dataset.kind = said.verdict ?? "";
    frame.root.dataset.ffReply = said.verdict ?? "none";
    if (part.hidden) return;
    fill(box, el("strong", {}, said.title), ...written(said.blocks));
    if (model.get("present") && part.isConnected) part.scrollIntoView({ block: "nearest" });
  });
  return part;
}

function helpers(model, frame, ask) {
  const hint = button("", () => ask("hint"));
  follow(frame, model, "hints_left", (left) => {
    setText(hint, `Hint (${left})`);
    hint.setAttribute("aria-disabled", String(left === 0));
  });
  const all = [hint, button("Solution", () => ask("reveal")), button("Begin anew", () => ask("reset"))];
  if (model.get("present")) all.unshift(button("Next ▸", () => ask("step"), { kind: "ff-primary" }));
  return el("div", { class: "ff-part" }, toolbar("Help", ...all));
}

/** One key a step, for whoever stands before a class. */
function stepped(event, model, ask) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const pressed = event.target.closest?.("button, summary");
  if (event.key === " " && pressed) return; // it presses what has the focus
  const choice = (model.get("question").choices ?? [])[Number(event.key) - 1];
  if (FORWARD.includes(event.key)) ask("step");
  else if (event.key === "Home") ask("reset");
  else if (choice !== undefined) ask("answer", choice);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

/** Paragraphs and blocks of code as elements. */
function written(blocks) {
  return blocks.map((block) =>
    block.code ? el("pre", { class: "ff-code", tabindex: 0 }, block.text) : el("p", { class: "ff-text" }, ...inline(block.text)));
}

/** Text in which every second piece between backticks is code. */
function inline(text) {
  return text.split("`").map((piece, at) => (at % 2 ? el("code", {}, piece) : piece));
}

export default { render };
