// The list of traces: search, filters with their counts, and columns that sort.
import { el, fill, debounced, shortId, visible } from "./dom.js";
import { RowTable } from "./table.js";
import { duration } from "./unpack.js";

const FILTERS = [["trouble", "Trouble"], ["failed", "Failed"], ["refused", "Refused"], ["slow", "Slow"], ["all", "All"]];
const COLUMNS = [
  ["start", "time (UTC)"], ["message", "begins with"], ["outcome", "ended"], ["duration", "took"],
  ["components", "components"], ["id", "id"], ["error", "why"],
];
const MARKS = { failed: "✕ ", refused: "◇ ", unfinished: "… " };
const KINDS = { failed: "ff-failed-text", refused: "ff-refused-text", moved: "ff-moved-text" };

/** All traces of a log; `onOpen` gets the id of the chosen one. */
export class TraceList {
  constructor(onOpen) {
    this.rows = [];
    this.filter = "trouble";
    this.sort = { by: "start", down: true };
    this.search = el("input", { type: "search", placeholder: "id, component, message, error", "aria-label": "Search traces" });
    this.search.addEventListener("input", debounced(() => this.#list(), 80));
    this.buttons = FILTERS.map(([name, title]) =>
      el("button", { type: "button", class: "ff-button", "aria-pressed": "false", on: { click: () => this.#choose(name) } }, title));
    this.heads = COLUMNS.map(([name, title]) =>
      el("button", { type: "button", class: "ff-sort", on: { click: () => this.#sortBy(name) } }, title));
    this.table = new RowTable({
      label: "Traces",
      columns: this.heads,
      empty: "No trace is like that.",
      cells: (index) => this.#cells(this.rows[index]),
      onSelect: (index) => onOpen(this.traces.id[this.rows[index]]),
    });
    this.note = el("span", { class: "ff-muted", role: "status" });
    const bar = el("div", { class: "ff-bar" }, this.search,
      el("div", { class: "ff-toolbar", role: "group", "aria-label": "Which traces" }, ...this.buttons), this.note);
    this.element = el("div", { class: "ff-tracelist" }, bar, this.table.element);
  }

  /** @param {any} traces columns, as packed_trace.py says */
  show(traces) {
    this.traces = traces;
    this.texts = traces.id.map((id, at) =>
      [id, traces.first[at], traces.message[at], traces.error[at]].join(" ").toLowerCase());
    FILTERS.forEach(([name, title], at) => fill(this.buttons[at], `${title} ${traces.counts[name].toLocaleString("en")}`));
    if (traces.counts.trouble === 0 && this.filter === "trouble") this.filter = "all";
    this.#list();
  }

  /** Mark the trace that is shown. */
  mark(id) {
    this.id = id;
    if (this.traces) this.table.select(this.rows.indexOf(this.traces.id.indexOf(id)));
  }

  #choose(name) {
    this.filter = name;
    this.#list();
  }

  #sortBy(name) {
    this.sort = { by: name, down: this.sort.by === name ? !this.sort.down : name === "start" || name === "duration" };
    this.#list();
  }

  #list() {
    const { traces, filter } = this;
    const wanted = this.search.value.trim().toLowerCase();
    const is = filter === "all" ? () => true : (at) => traces[filter][at] === 1;
    this.rows = traces.id.map((_, at) => at).filter((at) => is(at) && this.texts[at].includes(wanted));
    const values = traces[this.sort.by];
    const sign = this.sort.down ? -1 : 1;
    this.rows.sort((a, b) => sign * compared(values[a], values[b]) || a - b);
    this.buttons.forEach((each, at) => each.setAttribute("aria-pressed", String(FILTERS[at][0] === filter)));
    this.heads.forEach((each, at) => {
      const [name, title] = COLUMNS[at];
      const arrow = name === this.sort.by ? (this.sort.down ? " ↓" : " ↑") : "";
      fill(each, title + arrow);
      each.setAttribute("aria-label", `Sort by ${title}${arrow && (this.sort.down ? ", now descending" : ", now ascending")}`);
    });
    const left = traces.counts.all - traces.id.length;
    fill(this.note, left > 0 ? `${left.toLocaleString("en")} older traces without trouble are not listed` : "");
    this.table.show(this.rows.length);
    this.mark(this.id);
  }

  #cells(at) {
    const { traces } = this;
    const outcome = traces.outcome[at];
    const others = traces.components[at] - 1;
    const ended = el("span", { class: KINDS[outcome] ?? "" }, (MARKS[outcome] ?? "") + outcome + (traces.slow[at] ? " · slow" : ""));
    const begins = `${visible(traces.first[at], 60)}: ${visible(traces.message[at], 60)}`;
    return [traces.clock[at], begins, ended, duration(traces.duration[at]), others > 0 ? `+${others}` : "alone",
      el("code", {}, shortId(traces.id[at])), visible(traces.error[at], 200)];
  }
}

function compared(one, other) {
  if (typeof one === "number" || typeof other === "number") return (one ?? -1) - (other ?? -1);
  return String(one).localeCompare(String(other));
}
