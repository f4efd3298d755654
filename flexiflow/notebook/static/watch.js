// The machine view: a live picture, the messages that the machine takes now, and its last steps.
import { el, fill, setText, visible } from "./dom.js";
import { button, chips } from "./controls.js";
import { GraphPane } from "./graph.js";
import { follow, shell } from "./shell.js";
import { RowTable } from "./table.js";

const PATIENCE = 300; // ms until the view says that it waits
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
  const steps = stepPart(model, select);
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
  const choice = componentChoice(model, frame);
  if (choice) row.append(choice);
  row.append(el("span", { class: "ff-spring" }));
  follow(frame, model, "now", (now) => {
    setText(title, now.component, 200);
    if (state.textContent && state.textContent !== visible(now.state, 200)) frame.say(`${now.component} is in ${now.state}`);
    setText(state, now.state, 200);
    setText(count, `${now.count}, ${now.since}`);
  });
  return row;
}

/** A choice of components, where the view has several. */
function componentChoice(model, frame) {
  if (!model.get("names") || frame.offline) return null;
  const list = el("select", { "aria-label": "Component", on: {
    change: () => {
      model.set("component", list.value);
      model.save_changes();
    },
    focus: () => model.send({ do: "refresh" }),
  } });
  const refill = () => {
    if (document.activeElement === list) return; // not under somebody's hand
    fill(list, ...model.get("names").map(([name, state]) =>
      el("option", { value: name, selected: name === model.get("component") }, `${visible(name, 60)} · ${visible(state, 40)}`)));
  };
  follow(frame, model, "names", refill);
  follow(frame, model, "component", refill);
  return list;
}

// -- messages -----------------------------------------------------------------------------------

function messagePart(model, frame) {
  const open = el("div", { class: "ff-line", role: "group", "aria-label": "Messages that are taken now" });
  const shut = el("div", { class: "ff-line", role: "group", "aria-label": "Messages that are not taken now" });
  const answer = el("div", { class: "ff-answer", role: "status", tabindex: 0, hidden: true });
  const tell = (kind, text) => {
    answer.hidden = false;
    answer.dataset.kind = kind;
    setText(answer, text, 4000);
  };
  const ask = asker(model, frame, tell);
  const part = el("div", { class: "ff-part" });
  const form = frame.offline ? null : sendForm(model, frame, ask, tell);
  follow(frame, model, "now", (now) => {
    const canSend = model.get("can_send") && !frame.offline;
    const taken = now.offers.filter((each) => each.answer);
    const refused = now.offers.filter((each) => !each.answer);
    const press = (offer) => (canSend && offer.answer ? ask("send", offer.type, form.fields()) : tell("refused", offer.why));
    refresh(open, "Takes now", taken, (each) => offerButton(each, canSend, press));
    refresh(shut, "Not now", refused, (each) => offerButton(each, false, press));
    shut.hidden = refused.length === 0;
  });
  part.append(open, shut, ...(form ? [form.element] : []), answer);
  return part;
}

/** Makes the buttons anew only where they differ, so that the focus stays where it is. */
function refresh(place, caption, offers, make) {
  const key = JSON.stringify(offers);
  if (place.dataset.key === key) return;
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.message : null;
  const none = offers.length === 0 ? el("span", { class: "ff-muted" }, "no message") : null;
  fill(place, el("span", { class: "ff-caption" }, caption), none, ...offers.map(make));
  place.dataset.key = key;
  if (focused !== null) [...place.children].find((each) => each.dataset.message === focused)?.focus();
}

function offerButton(offer, enabled, press) {
  const made = button(offer.answer === "unknown" && enabled ? `${visible(offer.type, 60)} ?` : visible(offer.type, 60), () => press(offer), {
    title: visible(offer.why, 400),
    kind: enabled && offer.answer === true ? "ff-primary" : "",
  });
  made.dataset.message = offer.type;
  // Not the attribute `disabled`: the reason must be reachable by keyboard.
  if (!enabled) made.setAttribute("aria-disabled", "true");
  return made;
}

/** Sends requests to Python, and shows their answers; only the newest one counts. */
function asker(model, frame, tell) {
  let newest = 0;
  let timer = 0;
  const answered = (content) => {
    if (content.answers !== newest) return;
    clearTimeout(timer);
    tell(content.kind, content.text);
    frame.root.dataset.ffAnswered = String(content.answers);
  };
  model.on("msg:custom", answered);
  frame.later(() => {
    clearTimeout(timer);
    model.off("msg:custom", answered);
  });
  return (request, type, fields) => {
    newest += 1;
    clearTimeout(timer);
    timer = setTimeout(() => tell("waiting", "Waiting for the kernel …"), PATIENCE);
    model.send({ do: request, id: newest, type, fields });
  };
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
    } else ask(request, type.value.trim(), value);
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
  return { element, fields: () => read() ?? {} };
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

function stepPart(model, select) {
  let steps = [];
  const at = (index) => steps[steps.length - 1 - index]; // the newest first
  const filter = el("span", { class: "ff-line" });
  const table = new RowTable({
    label: "The last steps, the newest first",
    columns: ["time (UTC)", "message", "outcome", "state", "took", "why"],
    empty: "No steps yet. What the machine does from now on is listed here.",
    cells: (index) => {
      const step = at(index);
      const mark = MARKS[step.outcome] ?? "";
      const kind = mark ? (step.outcome === "refused" ? "ff-refused-text" : "ff-failed-text") : "";
      return [step.time, step.message, el("span", { class: kind }, mark + step.outcome), step.change, step.took, step.note];
    },
    onSelect: (index) => select({ step: at(index).id }),
  });
  const show = (chosen) => {
    table.select("step" in chosen ? steps.length - 1 - steps.findIndex((each) => each.id === chosen.step) : -1);
    chips(filter, describe(chosen), () => select({}));
  };
  return {
    element: el("div", {}, el("div", { class: "ff-steps-head" }, filter), table.element),
    show: (rows) => {
      steps = rows;
      table.show(steps.length);
      show(model.get("selection"));
    },
    select: show,
  };
}

function describe(chosen) {
  if ("state" in chosen) return [`state = ${chosen.state}`];
  if ("source" in chosen) return [`${chosen.source} → ${chosen.message ? `${chosen.message} → ` : ""}${chosen.target}`];
  return "step" in chosen ? [`step ${chosen.step}`] : [];
}

export default { render };
