// The machine view: a live picture, the messages that the machine takes now, and its last steps.
import { el, named, setText, visible } from "./dom.js";
import { componentChoice } from "./choice.js";
import { button, chips } from "./controls.js";
import { GraphPane } from "./graph.js";
import { asker } from "./requests.js";
import { follow, shell } from "./shell.js";
import { RowTable } from "./table.js";

const MARKS = { failed: "✕ ", cancelled: "✕ ", refused: "◇ " };

/** @param {{model: any, el: HTMLElement}} view */
function render({ model, el: host }) {
  const frame = shell({ model, el: host }, `Machine of ${visible(model.get("now").component, 80)}`);
  const select = (chosen) => {
    model.set("selection", chosen);
    model.save_changes();
  };
  const head = header(model, frame);
  const pane = new GraphPane({ label: "States and transitions", onSelect: (element) => select(element ?? {}) });
  head.append(pane.tools);
  const problem = el("p", { class: "ff-problem", role: "alert", hidden: true });
  const messages = messagePart(model, frame);
  const steps = stepPart(model, frame, select);
  frame.root.append(head, problem, pane.element, messages, steps.element);
  frame.later(() => pane.dispose());

  follow(frame, model, "svg", (text) => pane.show(text, model.get("words")));
  follow(frame, model, "now", (now) => {
    pane.mark({ current: now.state, visited: now.visited, trail: now.trail, failed: now.failed });
    steps.show(now.steps);
    frame.root.dataset.ffState = now.state;
    frame.root.dataset.ffCount = now.count;
  });
  follow(frame, model, "selection", (chosen) => {
    pane.select("state" in chosen || "source" in chosen ? chosen : null);
    steps.select(chosen);
    frame.root.dataset.ffSelected = JSON.stringify(chosen);
  });
  follow(frame, model, "problem", (text) => {
    problem.hidden = !text;
    setText(problem, text);
  });
  return frame.dispose;
}

function header(model, frame) {
  const title = el("h3", { class: "ff-title" });
  const state = el("span", { class: "ff-state" });
  const count = el("span", { class: "ff-muted" });
  const row = el("div", { class: "ff-head-row" }, title, state, count);
  const choice = componentChoice(frame, model, () => model.send({ do: "refresh" }));
  if (choice) row.append(choice);
  row.append(el("span", { class: "ff-spring" }));
  follow(frame, model, "now", (now) => {
    setText(title, named(now.component, 200));
    if (state.textContent && state.textContent !== visible(now.state, 200)) frame.say(`${now.component} is in ${now.state}`);
    setText(state, now.state, 200);
    setText(count, `${now.count}, ${now.since}`);
  });
  return row;
}

// -- messages -----------------------------------------------------------------------------------

function messagePart(model, frame) {
  const answer = el("div", { class: "ff-answer", role: "status", tabindex: 0, hidden: true });
  const tell = (kind, text) => {
    answer.hidden = false;
    answer.dataset.kind = kind;
    setText(answer, text, 4000);
  };
  const ask = asker(model, frame, ({ kind, text }) => tell(kind, text));
  const form = frame.offline ? null : sendForm(model, frame, ask, tell);
  const press = (offer, enabled) => {
    const fields = enabled ? form.fields() : null;
    if (!enabled) tell("refused", offer.why);
    else if (fields !== null) ask("send", { type: offer.type, fields });
  };
  const open = new OfferLine("Takes now", press);
  const shut = new OfferLine("Not now", press);
  const more = el("div", { class: "ff-muted" });
  follow(frame, model, "now", (now) => {
    const canSend = model.get("can_send") && !frame.offline;
    const taken = now.offers.filter((each) => each.answer);
    open.show(taken, canSend);
    shut.show(now.offers.filter((each) => !each.answer), false);
    shut.element.hidden = taken.length === now.offers.length;
    setText(more, now.more ? `${now.more}: the box sends any of them.` : "");
  });
  return el("div", { class: "ff-part" }, open.element, shut.element, more, form?.element, answer);
}

/** A line of buttons, one a message. A button stays the same element as long as it is there, so
 *  that a press and the focus survive an update. */
class OfferLine {
  constructor(caption, press) {
    this.press = press;
    this.buttons = new Map();
    this.none = el("span", { class: "ff-muted" }, "no message");
    this.element = el("div", { class: "ff-line", role: "group", "aria-label": caption }, el("span", { class: "ff-caption" }, caption), this.none);
  }

  show(offers, enabled) {
    const types = offers.map((each) => each.type);
    if (types.join("\u0000") !== [...this.buttons.keys()].join("\u0000")) this.#arrange(types);
    this.none.hidden = offers.length > 0;
    for (const offer of offers) this.#update(this.buttons.get(offer.type), offer, enabled);
  }

  #arrange(types) {
    const kept = new Map(types.map((type) => [type, this.buttons.get(type) ?? this.#made(type)]));
    for (const [type, each] of this.buttons) if (!kept.has(type)) each.remove();
    const focused = document.activeElement;
    this.element.append(...kept.values());
    if (this.element.contains(focused)) focused.focus();
    this.buttons = kept;
  }

  #made(type) {
    const made = button("", () => this.press(made.offer, made.enabled));
    made.dataset.message = type;
    return made;
  }

  #update(made, offer, enabled) {
    [made.offer, made.enabled] = [offer, enabled];
    setText(made, visible(offer.type, 60) + (enabled && offer.answer === "unknown" ? " ?" : ""));
    made.title = visible(offer.why, 400);
    made.classList.toggle("ff-primary", enabled && offer.answer === true);
    // Not the attribute `disabled`: the reason must be reachable by keyboard.
    made.setAttribute("aria-disabled", String(!enabled));
  }
}

function sendForm(model, frame, ask, tell) {
  const type = el("input", { type: "text", autocomplete: "off", spellcheck: "false" });
  const fields = el("textarea", { rows: 1, spellcheck: "false", placeholder: '{"total": 99.0}' });
  const read = () => {
    const { value, error } = parsed(fields.value);
    fields.setAttribute("aria-invalid", String(Boolean(error)));
    if (error) tell("failed", error);
    return value;
  };
  const submit = (request) => {
    const value = read();
    if (value === null) fields.focus();
    else if (type.value.trim() === "") {
      tell("failed", "Write the message's type, e.g. submit.");
      type.focus();
    } else ask(request, { type: type.value.trim(), fields: value });
  };
  const element = el(
    "form",
    { class: "ff-send", on: { submit: (event) => { event.preventDefault(); submit("send"); } } },
    el("label", {}, "Message", type),
    el("label", {}, "Fields as JSON", fields),
    el("div", { class: "ff-line" }, el("button", { type: "submit", class: "ff-button" }, "Send"),
      button("Why not?", () => submit("why"), { title: "Ask the guards, and send nothing" })),
  );
  fields.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      submit("send");
    }
    event.stopPropagation();
  });
  follow(frame, model, "can_send", (can) => { element.hidden = !can; });
  return { element, fields: read };
}

/** The fields in a text, or what is wrong with it, in words. */
function parsed(text) {
  if (text.trim() === "") return { value: {} };
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { value: null, error: `The fields are no JSON: ${error.message}\nWrite an object, e.g. {"total": 99.0}.` };
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    return { value: null, error: 'The fields must be an object, e.g. {"total": 99.0}.' };
  }
  if ("type" in value) return { value: null, error: 'The field "type" is the message itself: it has a box of its own.' };
  return { value };
}

// -- steps --------------------------------------------------------------------------------------

function stepPart(model, frame, select) {
  let steps = [];
  let waiting = null; // what came while somebody was pointing at a row
  const at = (index) => steps[steps.length - 1 - index]; // the newest first
  const filter = el("span", { class: "ff-line" });
  const held = el("span", { class: "ff-muted", hidden: true }, "Newer steps wait until you leave the list.");
  const table = new RowTable({
    label: "The last steps, the newest first",
    columns: ["time (UTC)", "message", "outcome", "state", "took", "why"],
    empty: frame.offline ? "No steps were seen." : "No steps yet. What the machine does from now on is listed here.",
    cells: (index) => stepCells(at(index)),
    onSelect: (index) => select({ step: at(index).id }),
  });
  const mark = (chosen) => {
    const place = "step" in chosen ? steps.findIndex((each) => each.id === chosen.step) : -1;
    table.select(place < 0 ? -1 : steps.length - 1 - place);
    chips(filter, describe(chosen), () => select({}));
  };
  const show = (rows) => {
    [steps, waiting] = [rows, null];
    held.hidden = true;
    table.show(steps.length);
    mark(model.get("selection"));
  };
  const release = () => waiting && show(waiting);
  table.element.addEventListener("pointerleave", release);
  table.element.addEventListener("focusout", (event) => table.element.contains(event.relatedTarget) || release());
  return {
    element: el("div", {}, el("div", { class: "ff-steps-head" }, filter, held), table.element),
    select: mark,
    show: (rows) => {
      if (steps.length === 0 || !table.element.matches(":hover, :focus-within")) return show(rows);
      if (rows.at(-1)?.id === steps.at(-1)?.id) return;
      waiting = rows;
      held.hidden = false;
    },
  };
}

function stepCells(step) {
  const mark = MARKS[step.outcome] ?? "";
  const kind = mark ? (step.outcome === "refused" ? "ff-refused-text" : "ff-failed-text") : "";
  return [step.time, step.message, el("span", { class: kind }, mark + step.outcome), step.change, step.took, step.note];
}

function describe(chosen) {
  if ("state" in chosen) return [`state = ${chosen.state}`];
  if ("source" in chosen) return [`${chosen.source} → ${chosen.message ? `${chosen.message} → ` : ""}${chosen.target}`];
  return "step" in chosen ? [`step ${chosen.step}`] : [];
}

export default { render };
