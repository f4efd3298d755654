// The explorer of traces: a list, the waterfall of one trace, and panes about one of its spans,
// all of which follow one selection.
import { el, fill, setText, shortId, visible } from "./dom.js";
import { button, tabs } from "./controls.js";
import { copyText } from "./copying.js";
import { GraphPane } from "./graph.js";
import { keyList, listenToKeys } from "./keys.js";
import { asker } from "./requests.js";
import { follow, shell } from "./shell.js";
import { SpanPanes } from "./span_panes.js";
import { TraceList } from "./trace_list.js";
import { unpacked } from "./unpack.js";
import { Waterfall } from "./waterfall.js";

const BAD = new Set(["failed", "cancelled"]);

/** @param {{model: any, el: HTMLElement}} view */
function render({ model, el: host }) {
  const frame = shell({ model, el: host }, "Explorer of traces");
  const [what, code] = model.get("empty");
  if (what) {
    frame.root.append(el("p", { class: "ff-empty" }, what), el("pre", { class: "ff-code" }, code));
    frame.root.dataset.ffReady = "empty";
    return frame.dispose;
  }
  const view = new View(model, frame);
  frame.later(() => view.dispose());
  return frame.dispose;
}

class View {
  constructor(model, frame) {
    Object.assign(this, { model, frame, trace: null, saved: null });
    this.select = (chosen) => {
      model.set("selection", chosen);
      model.save_changes();
    };
    this.list = new TraceList((id) => this.open(id));
    this.list.element.hidden = true;
    this.water = new Waterfall({ onSelect: (row) => this.go(row) });
    this.graph = new GraphPane({ label: "States and transitions", onSelect: (element) => this.graph.select(element) });
    this.panes = new SpanPanes({ graph: this.graph, onShow: () => this.#ask(), onJump: (row) => this.go(row) });
    this.ask = asker(model, frame, (answer) => this.#answered(answer), { oneAtATime: true });
    this.title = el("h3", { class: "ff-title" });
    this.headline = el("p", { class: "ff-tracehead" });
    this.missing = el("ul", { class: "ff-missing" });
    this.says = el("span", { class: "ff-muted", role: "status" });
    const keys = this.#keys();
    const help = keyList(keys);
    const copy = button("Copy id", () => this.copyId(), { title: "Copy the correlation id (c)" });
    const asCode = button("Copy as code", () => this.#copy(this.#code()), { title: "The line that opens this span again" });
    const more = button("?", () => { help.hidden = !help.hidden; }, { title: "Keys (?)" });
    more.setAttribute("aria-label", "Keys");
    const head = el("div", { class: "ff-head-row" }, this.title, this.says, el("span", { class: "ff-spring" }), copy, asCode, more);
    frame.root.classList.add("ff-traces");
    frame.root.append(this.list.element, head, help, this.headline, this.missing, this.water.element, this.panes.element);
    listenToKeys(frame.root, [...keys, { keys: ["?"], name: "?", does: "", press: () => { help.hidden = !help.hidden; } }]);

    this.#followBytes("listed", (traces) => {
      this.list.element.hidden = traces === null;
      if (traces) this.list.show(traces);
    });
    this.#followBytes("saved", (saved) => { this.saved = saved; this.#ask(); });
    this.#followBytes("shown", (trace) => this.show(trace));
    follow(frame, model, "selection", (chosen) => this.mark(chosen));
  }

  dispose() {
    this.graph.dispose();
  }

  /** Values are unpacked one after the other; only the newest is shown. */
  #followBytes(name, show) {
    let newest = 0;
    follow(this.frame, this.model, name, async (packed) => {
      newest += 1;
      const mine = newest;
      const value = await unpacked(packed);
      if (mine === newest) show(value);
    });
  }

  /** Ask Python for another trace. */
  open(id) {
    if (id === this.trace?.id) return;
    setText(this.says, "Reading …");
    this.select({ trace: id });
  }

  show(trace) {
    if (trace === null) return;
    this.trace = trace;
    this.rowOf = null;
    fill(this.title, "trace ", el("code", {}, shortId(trace.id)));
    this.title.title = visible(trace.id, 128);
    setText(this.headline, trace.headline, 600);
    fill(this.missing, ...trace.missing.map((note) => el("li", {}, note)));
    this.missing.hidden = trace.missing.length === 0;
    setText(this.says, "");
    this.water.show(trace);
    this.panes.story(trace.story);
    this.frame.say(trace.headline);
    this.mark(this.model.get("selection"));
    this.frame.root.dataset.ffReady = trace.id;
  }

  go(row) {
    if (row < 0 || !this.trace) return;
    this.select({ trace: this.trace.id, span: this.trace.span[row] }); // null: the records outside every span
  }

  mark(chosen) {
    this.frame.root.dataset.ffSelected = JSON.stringify(chosen);
    this.list.mark(chosen.trace);
    if (!this.trace || (chosen.trace ?? this.trace.id) !== this.trace.id) return; // it is on its way
    this.row = "span" in chosen ? this.#rowOf(chosen.span) : -1;
    this.water.select(this.row);
    this.panes.mark(this.row);
    if (this.row < 0) this.panes.clear();
    this.#ask();
  }

  /** The row of a span; -1 for none. The rows are put in order when one is first asked for. */
  #rowOf(span) {
    this.rowOf ??= new Map(this.trace.span.map((each, row) => [each, row]));
    return this.rowOf.get(span) ?? -1;
  }

  /** What the open pane shows of the selected span, from the file or from Python. */
  #ask() {
    if (!this.trace || !(this.row >= 0)) return;
    const span = this.trace.span[this.row];
    const component = this.trace.components[this.trace.component[this.row]];
    if (this.panes.showsWay) {
      if (this.panes.way?.component === component && this.panes.wayOf === this.trace.id) return;
      if (!this.frame.offline) this.ask("way", { component });
      else this.panes.showWay(this.saved?.ways[component] ?? null, this.trace.id);
    } else if (this.panes.span !== span) {
      if (!this.frame.offline) this.ask("span", { span });
      else this.panes.show(span, this.saved?.spans[span ?? ""] ?? null);
    }
  }

  #answered(answer) {
    setText(this.says, answer.text ?? "", 600);
    if (answer.detail && answer.span === this.trace?.span[this.row]) this.panes.show(answer.span, answer.detail);
    if (answer.way) this.panes.showWay(answer.way, this.trace?.id);
  }

  // -- keys and copies --------------------------------------------------------------------------

  #keys() {
    const find = (is, forward) => () => {
      const row = this.water.next((each) => is(this.water.outcome(each)), forward);
      if (row >= 0) this.go(row);
      else this.frame.say("There is no further one.");
    };
    const failed = (outcome) => BAD.has(outcome);
    const refused = (outcome) => outcome === "refused";
    return [
      { keys: ["e"], name: "e", does: "next failure", press: find(failed, true) },
      { keys: ["E"], name: "E", does: "failure before", press: find(failed, false) },
      { keys: ["r"], name: "r", does: "next refusal", press: find(refused, true) },
      { keys: ["R"], name: "R", does: "refusal before", press: find(refused, false) },
      { keys: ["z"], name: "z", does: "zoom to the span", press: () => this.water.zoom(false) },
      { keys: ["Z"], name: "Z", does: "whole trace", press: () => this.water.zoom(true) },
      { keys: ["/"], name: "/", does: "search traces", press: () => this.list.search.focus() },
      { keys: ["c"], name: "c", does: "copy the correlation id", press: () => this.copyId() },
      { keys: ["Escape"], name: "Esc", does: "select no span", press: () => this.trace && this.select({ trace: this.trace.id }) },
    ];
  }

  copyId() {
    if (this.trace) this.#copy(this.trace.id);
  }

  #code() {
    const chosen = this.model.get("selection");
    const span = chosen.span ? `, selection={"trace": ${JSON.stringify(chosen.trace)}, "span": ${JSON.stringify(chosen.span)}}` : "";
    return `log.trace(${JSON.stringify(chosen.trace ?? "")}).explore(${span.slice(2)})`;
  }

  #copy(text) {
    copyText(this.frame.root, text, this.says, () => setText(this.says, `Copied: ${text}`, 300));
  }
}

export default { render };
