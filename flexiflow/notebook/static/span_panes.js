// Panes about one span: its records, what it changed, its way on the graph, its error; and the
// story of the whole trace.
import { el, fill, visible } from "./dom.js";
import { tabs } from "./controls.js";

const TITLES = ["Record", "Before → after", "Path", "Error", "Story"];
const [RECORD, CHANGE, PATH, ERROR, STORY] = TITLES.keys();

/** The panes below the waterfall. */
export class SpanPanes {
  /**
   * @param {object} options
   * @param {import("./graph.js").GraphPane} options.graph
   * @param {() => void} options.onShow another pane is shown
   * @param {(row: number) => void} options.onJump a sentence of the story was chosen
   */
  constructor({ graph, onShow, onJump }) {
    Object.assign(this, { graph, onJump, span: undefined, way: null, shown: STORY });
    this.pages = TITLES.map((title) => ({ title, panel: el("div", { class: "ff-detail", tabindex: 0, role: "group", "aria-label": title }) }));
    this.wayNote = el("p", { class: "ff-muted ff-fact" });
    this.pages[PATH].panel.append(this.wayNote, graph.tools, graph.element);
    this.tabs = tabs("About the span", this.pages, (index) => {
      this.shown = index;
      onShow();
    });
    this.element = el("div", { class: "ff-panes" }, this.tabs.element);
    this.clear();
    this.tabs.show(STORY);
  }

  get showsWay() {
    return this.shown === PATH;
  }

  /** No span is selected. */
  clear() {
    this.span = undefined;
    for (const at of [RECORD, CHANGE, ERROR]) fill(this.pages[at].panel, said("Select a span to see this."));
    this.wayNote.textContent = "Select a span to see the way of its component.";
    this.graph.element.hidden = this.graph.tools.hidden = true;
    this.way = null;
    this.tabs.retitle(ERROR, "Error");
  }

  /**
   * @param {string | null} span null for the records outside every span
   * @param {any} detail as span_detail.py says; null where a file lacks it
   */
  show(span, detail) {
    this.span = span;
    if (detail === null) {
      for (const at of [RECORD, CHANGE, ERROR]) fill(this.pages[at].panel, said("This file does not hold this span's records."));
      return;
    }
    fill(this.pages[RECORD].panel, ...records(detail));
    fill(this.pages[CHANGE].panel, ...change(detail.change));
    fill(this.pages[ERROR].panel, ...error(detail.error));
    this.tabs.retitle(ERROR, detail.error ? "Error ✕" : "Error");
  }

  /** @param {any} way as span_detail.way_picture says */
  showWay(way, traceId) {
    [this.way, this.wayOf] = [way, traceId];
    const seen = Boolean(way?.states);
    this.graph.element.hidden = this.graph.tools.hidden = !seen;
    const name = visible(way?.component ?? "", 80);
    this.wayNote.textContent = way === null ? "This file does not hold this machine."
      : seen ? `${name} in this trace: ${way.visited.map((each) => visible(each, 60)).join(" → ") || "no state is named"}`
      : `${name || "This span"} takes no step in this trace.`;
    if (!seen) return;
    this.graph.show(way.svg, way.words);
    this.graph.mark({ current: way.current, visited: way.visited, taken: way.trail, trail: way.trail });
  }

  /** @param {[string, number][]} sentences each with the span that it is about, or -1 */
  story(sentences) {
    this.sentences = sentences;
    fill(this.pages[STORY].panel, el("ol", { class: "ff-story" }, ...sentences.map(([text, row]) =>
      el("li", { "data-row": row },
        row < 0 ? visible(text, 600) : el("button", { type: "button", class: "ff-sentence", on: { click: () => this.onJump(row) } }, visible(text, 600))))));
  }

  /** Mark what the story says of a span. */
  mark(row) {
    for (const each of this.pages[STORY].panel.querySelectorAll("li")) {
      const here = row >= 0 && Number(each.dataset.row) === row;
      each.classList.toggle("ff-here", here);
      if (here && this.shown === STORY) each.scrollIntoView({ block: "nearest" });
    }
  }
}

function said(text) {
  return el("p", { class: "ff-muted ff-fact" }, text);
}

function records({ records: lines, more, snapshots }) {
  if (!lines.length) return [said("No record of this span is in the log; others name it as their cause.")];
  const rows = lines.map(([clock, event, who, facts, data]) =>
    el("tr", {}, el("td", {}, clock), el("td", {}, el("code", {}, event)), el("td", {}, who), el("td", {}, facts, data ? el("code", { class: "ff-data" }, ` ${data}`) : null)));
  const head = el("tr", {}, ...["time (UTC)", "event", "who", "what"].map((name) => el("th", { scope: "col" }, name)));
  return [
    el("table", { class: "ff-records" }, el("thead", {}, head), el("tbody", {}, ...rows)),
    more > 0 ? said(`${more.toLocaleString("en")} more records are not listed.`) : null,
    snapshots.length ? said(`Saved as snapshot ${snapshots.join(", ")}.`) : null,
  ];
}

function change({ from, to, outcome, fields, known }) {
  const states = from === null && to === null ? null
    : el("p", { class: "ff-fact" }, el("code", {}, visible(from ?? "?", 80)), to === null || to === from ? ` ${outcome}` : " → ", to === null || to === from ? null : el("code", {}, visible(to, 80)));
  const rows = fields.map(([field, old, now]) => [el("dt", {}, el("code", {}, field)), el("dd", {}, old, " → ", el("b", {}, now))]);
  const note = rows.length ? null : said(known ? "It changed no field." : "Which fields a step changed is kept in the history: log.explore(history=…) shows it.");
  return [states ?? said("It is no step."), rows.length ? el("dl", { class: "ff-changes" }, ...rows.flat()) : null, note];
}

function error(found) {
  if (!found) return [said("It raised nothing.")];
  const part = (label, text) => text ? [el("dt", {}, label), el("dd", {}, text)] : [];
  return [el("div", { class: "ff-errorcard" },
    el("p", { class: "ff-failed-text" }, el("strong", {}, `✕ ${visible(found.type, 120)}`), `: ${visible(found.what, 2000)}`),
    el("dl", {}, ...part("Why", found.why), ...part("Fix", found.fix), ...found.context.flatMap(([key, value]) => part(key, value))))];
}
