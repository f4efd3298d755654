// The waterfall: a tree of spans beside their bars in time. Any number of them; only the rows in
// sight are in the page.
import { el, fill, setText, visible } from "./dom.js";
import { button, toolbar } from "./controls.js";
import { RowTable } from "./table.js";
import { duration } from "./unpack.js";

const DEEPEST = 24; // levels that are indented
const LABEL_ROOM = 10; // per cent of the width that a label takes
const APART = 0.5; // per cent of the width below which parts of the critical path are one mark
const NEAREST = 1e-5; // of the whole, that can fill the width
const BAD = new Set(["failed", "cancelled"]);
const MARKS = { failed: "✕", cancelled: "✕", refused: "◇", unknown: "…" };

/** The spans of one trace. */
export class Waterfall {
  /** @param {{onSelect: (row: number) => void}} options a row is a span's place in the trace */
  constructor({ onSelect }) {
    this.onSelect = onSelect;
    this.rows = [];
    this.selected = -1;
    this.axis = el("div", { class: "ff-axis", "aria-hidden": "true" });
    this.table = new RowTable({
      label: "Spans; right and left open and close what a span caused",
      columns: ["span", this.axis],
      empty: "This trace has no spans.",
      cells: (index) => this.#cells(this.rows[index]),
      kind: (index) => (this.trace.path.length && this.onPath.has(this.rows[index]) ? "ff-onpath" : ""),
      onSelect: (index) => this.onSelect(this.rows[index]),
      onMove: (index) => this.onSelect(this.rows[index]),
      onKey: (event, index) => this.#key(event, this.rows[index]),
    });
    this.table.element.classList.add("ff-waterfall");
    this.table.element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.table.body.addEventListener("click", (event) => this.#toggled(event), true);
    this.note = el("span", { class: "ff-muted" });
    this.zoomIn = button("Zoom to span", () => this.#zoomTo(this.selected), { title: "Let the selected span fill the width (z)" });
    this.zoomOut = button("Whole trace", () => this.#look(0, 1), { title: "Show the whole trace (Z)" });
    this.tools = toolbar("Zoom", this.zoomIn, this.zoomOut);
    this.element = el("div", { class: "ff-waterpane" }, el("div", { class: "ff-bar" }, this.note, el("span", { class: "ff-spring" }), this.tools), this.table.element);
  }

  /** @param {any} trace as packed_trace.py says */
  show(trace) {
    this.trace = trace;
    this.closed = new Set();
    this.view = [0, 1];
    this.onPath = new Map();
    for (const [row, from, to, what] of trace.path) {
      if (!this.onPath.has(row)) this.onPath.set(row, []);
      this.onPath.get(row).push([from, to, what]);
    }
    this.selected = -1;
    this.#unfold();
    this.#look(0, 1);
    const count = trace.depth.length;
    setText(this.note, `${count.toLocaleString("en")} ${count === 1 ? "span" : "spans"}; the critical path is marked by a bold line, dashed where it waits`);
  }

  /** Mark a span, and bring it into sight; -1 for none. */
  select(row) {
    this.selected = row;
    if (row >= 0) this.#openAbove(row);
    this.table.select(this.rows.indexOf(row));
    this.zoomIn.setAttribute("aria-disabled", String(row < 0));
  }

  /** The next span, in a direction, for which `is` is true; -1 for none. */
  next(is, forward) {
    const count = this.trace.depth.length;
    const step = forward ? 1 : -1;
    const start = this.selected < 0 && !forward ? count : this.selected;
    for (let row = start + step; row >= 0 && row < count; row += step) if (is(row)) return row;
    return -1;
  }

  /** A span's outcome. */
  outcome(row) {
    return this.trace.outcomes[this.trace.outcome[row]];
  }

  zoom(whole) {
    if (whole) this.#look(0, 1);
    else this.#zoomTo(this.selected);
  }

  #unfold() {
    const { depth } = this.trace;
    this.rows = [];
    let hidden = Infinity; // deeper than this is closed
    for (let row = 0; row < depth.length; row += 1) {
      if (depth[row] > hidden) continue;
      hidden = this.closed.has(row) ? depth[row] : Infinity;
      this.rows.push(row);
    }
    this.table.show(this.rows.length);
  }

  #openAbove(row) {
    const { depth } = this.trace;
    let [level, opened] = [depth[row], false];
    for (let above = row - 1; above >= 0 && level > 0; above -= 1) {
      if (depth[above] < level) {
        level = depth[above];
        opened = this.closed.delete(above) || opened;
      }
    }
    if (opened) this.#unfold();
  }

  #hasChildren(row) {
    return this.trace.depth[row + 1] > this.trace.depth[row];
  }

  #toggle(row, open) {
    if (!this.#hasChildren(row) || this.closed.has(row) !== open) return;
    if (open) this.closed.delete(row);
    else this.closed.add(row);
    this.#unfold();
    this.table.select(this.rows.indexOf(this.selected));
  }

  #toggled(event) {
    const toggle = event.target.closest("[data-toggle]");
    if (!toggle) return;
    event.stopPropagation();
    const row = Number(toggle.dataset.toggle);
    this.#toggle(row, this.closed.has(row));
  }

  #key(event, row) {
    if (event.key === "ArrowRight") this.#toggle(row, true);
    else if (event.key === "ArrowLeft") this.#toggle(row, false);
    else return false;
    return true;
  }

  // -- time -------------------------------------------------------------------------------------

  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = this.axis.getBoundingClientRect();
    const [from, to] = this.view;
    const at = from + (to - from) * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const factor = event.deltaY > 0 ? 1.25 : 0.8;
    this.#look(at - (at - from) * factor, at + (to - at) * factor);
  }

  #zoomTo(row) {
    if (row < 0 || this.trace.from[row] === null) return;
    const room = Math.max(this.trace.to[row] - this.trace.from[row], NEAREST) * 0.05;
    this.#look(this.trace.from[row] - room, this.trace.to[row] + room);
  }

  #look(from, to) {
    const width = Math.min(1, Math.max(to - from, NEAREST));
    const start = Math.min(Math.max(from, 0), 1 - width);
    this.view = [start, start + width];
    this.zoomOut.setAttribute("aria-disabled", String(width === 1));
    const { times, at } = this.trace.axis;
    const marks = [el("span", { class: "ff-tick" }, duration(Math.round(timeAt(start, times, at))) || "0"),
      el("span", { class: "ff-tick ff-tick-end" }, duration(Math.round(timeAt(start + width, times, at))))];
    let last = LABEL_ROOM / 2; // where the label before stands
    for (const [a, b, us] of this.trace.gaps) {
      const middle = (this.#percent(a) + this.#percent(b)) / 2;
      if (middle < last + LABEL_ROOM || middle > 100 - LABEL_ROOM) continue; // it would lie on another
      last = middle;
      marks.push(el("span", { class: "ff-gap", style: `left:${middle}%`, title: `Nothing happened for ${duration(us)}; the axis is folded here` }, `// ${duration(us)}`));
    }
    fill(this.axis, ...marks);
    this.table.show(this.rows.length);
  }

  #percent(place) {
    return ((place - this.view[0]) / (this.view[1] - this.view[0])) * 100;
  }

  // -- rows -------------------------------------------------------------------------------------

  #cells(row) {
    const { trace } = this;
    const outcome = this.outcome(row);
    const parent = this.#hasChildren(row);
    const open = !this.closed.has(row);
    const toggle = el("span", { class: "ff-toggle", "data-toggle": parent ? row : null, "aria-hidden": "true" }, parent ? (open ? "▾" : "▸") : "");
    const other = this.#isOther(row); // a line of somebody else's need not name a component
    const component = trace.components[trace.component[row]] || (other ? "" : "?");
    const label = trace.labels[trace.label[row]] || (trace.kinds[trace.kind[row]] === "missing" ? "no records" : "");
    const mark = MARKS[outcome] && !other ? ` ${MARKS[outcome]}` : "";
    const kind = BAD.has(outcome) ? "ff-failed-text" : outcome === "refused" ? "ff-refused-text" : "";
    const indent = Math.min(trace.depth[row], DEEPEST) * 12;
    const deep = trace.depth[row] > DEEPEST ? el("span", { class: "ff-muted" }, `level ${trace.depth[row]} `) : null;
    const change = trace.change[row] ? el("span", { class: "ff-muted" }, ` ${trace.change[row]}`) : null;
    const spoken = parent ? el("span", { class: "ff-spoken" }, open ? " opened" : " closed") : null;
    const name = el("span", { class: "ff-spanname", style: `padding-left:${indent}px`, title: [[component, label].filter(Boolean).join(": "), other ? "" : outcome, trace.detail[row]].filter(Boolean).join("\n") },
      toggle, deep, el("strong", {}, visible(component, 60)), ` ${visible(label, other ? 300 : 60)}`, el("span", { class: kind }, mark), change, spoken);
    return [name, this.#bar(row, outcome)];
  }

  /** A row's parts of the critical path that are in sight; those too near to be told apart are one. */
  #marks(row) {
    const marks = [];
    for (const [from, to, what] of this.onPath.get(row) ?? []) {
      const [left, right] = [this.#percent(from), this.#percent(to)];
      if (right < 0 || left > 100) continue;
      let last = marks.at(-1);
      if (!last || left > last.left + APART) marks.push(last = { left, right, took: new Map() });
      last.right = Math.max(last.right, right);
      last.took.set(what, (last.took.get(what) ?? 0) + right - left);
    }
    return marks;
  }

  #isOther(row) {
    return this.trace.kinds[this.trace.kind[row]] === "other";
  }

  #bar(row, outcome) {
    const { trace } = this;
    if (trace.from[row] === null) return el("span", { class: "ff-muted" }, "no time");
    const [left, right] = [this.#percent(trace.from[row]), this.#percent(trace.to[row])];
    const other = this.#isOther(row);
    const took = other && !trace.took[row] ? "" : duration(trace.took[row]) + (trace.ended[row] || other ? "" : " or longer");
    const kind = BAD.has(outcome) ? "ff-bad" : outcome === "refused" ? "ff-shy" : trace.ended[row] || other ? "" : "ff-open";
    const critical = this.#marks(row).map(({ left: a, right: b, took: by }) =>
      el("span", { class: `ff-critical ${longest(by) === "own work" ? "" : "ff-wait"}`.trim(), title: [...by.keys()].slice(0, 4).join("; "), style: placed(a, b) }));
    // The time stands where there is room for it: behind the bar, before it, or inside.
    const side = right < 82 ? `left:${Math.max(right, 0)}%` : `right:${100 - (left > 18 ? left : Math.min(right, 100))}%`;
    return el("div", { class: "ff-bars" },
      el("span", { class: `ff-spanbar ${kind}`.trim(), style: placed(left, right) }), ...critical,
      el("span", { class: "ff-took", style: side }, took));
  }
}

/** What took the most. */
function longest(took) {
  return [...took].reduce((one, other) => (other[1] > one[1] ? other : one))[0];
}

/** Where a bar stands, cut at the edges; something is always seen of it. */
function placed(left, right) {
  const [from, to] = [Math.max(left, 0), Math.min(right, 100)];
  return `left:${Math.min(from, 100)}%;width:${Math.max(to - from, 0)}%`;
}

function timeAt(place, times, at) {
  for (let each = 1; each < at.length; each += 1) {
    if (place <= at[each] || each === at.length - 1) {
      const [a, b] = [at[each - 1], at[each]];
      const share = b > a ? (place - a) / (b - a) : 0;
      return times[each - 1] + share * (times[each] - times[each - 1]);
    }
  }
  return 0;
}
