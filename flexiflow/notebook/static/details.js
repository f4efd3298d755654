// What is known of one entry of a playback: its changes, all fields, guards and error.
import { counted, el, fill, setText, visible } from "./dom.js";
import { button, tabs } from "./controls.js";
import { restoring } from "./explorer_words.js";

const MARKS = { failed: "✕ ", cancelled: "✕ ", refused: "◇ " };
const KINDS = { failed: "ff-failed-text", cancelled: "ff-failed-text", refused: "ff-refused-text" };
const MOST_GUARDS = 50;
const DEEPEST = 20;
const [GUARDS, ERROR] = [2, 3]; // their places among the panes

/** An outcome with its mark, as in every list. */
export function outcomeText(outcome, failed = false) {
  const shown = failed && outcome === "moved" ? "✕ moved" : (MARKS[outcome] ?? "") + outcome;
  return el("span", { class: KINDS[outcome] ?? (failed ? "ff-failed-text" : "") }, shown);
}

/** The pane beside the graph. */
export class Details {
  /**
   * @param {object} options
   * @param {(at: number) => void} options.onJump to the entry that set a field
   * @param {() => void} options.onCopyId
   */
  constructor({ onJump, onCopyId }) {
    this.onJump = onJump;
    this.title = el("h4", { class: "ff-steptitle" });
    this.facts = el("p", { class: "ff-facts ff-muted" });
    this.id = el("code", { class: "ff-id" });
    this.copy = button("Copy", onCopyId, { title: "Copy the correlation id (c)" });
    this.copy.setAttribute("aria-label", "Copy the correlation id");
    this.ids = el("div", { class: "ff-idline" }, this.id, this.copy);
    this.panes = ["Changes", "All", "Guards", "Error"].map((title) => ({ title, panel: el("div", { class: "ff-detail", tabindex: 0 }) }));
    this.shown = this.chosen = 0;
    this.moving = false;
    this.tabs = tabs("About the step", this.panes, (index) => {
      this.shown = index;
      if (!this.moving) this.chosen = index; // a person did, and no trouble
      this.#fillPane();
    });
    this.element = el("div", { class: "ff-details" }, el("div", { class: "ff-stephead" }, this.title, this.facts, this.ids), this.tabs.element);
  }

  /** Show an entry; without a playback nothing. @param {import("./playback.js").Playback} playback */
  show(playback, at) {
    [this.playback, this.at] = [playback, at];
    const entry = playback.entry(at);
    const [before, after, outcome] = [playback.before(at), playback.after(at), playback.outcome(at)];
    const failed = playback.failed(at);
    const name = entry.step === undefined ? `Snapshot #${entry.snapshot === undefined ? "?" : counted(entry.snapshot)}` : `#${counted(entry.step)}`;
    const message = playback.message(at);
    fill(this.title, `${name} `, el("span", { class: "ff-muted" }, entry.clock ?? ""), message === null ? " " : el("code", {}, ` ${visible(message, 60)} `), outcomeText(outcome, failed));
    const change = before !== null && before !== after ? `${before} → ${after}` : (after ?? "state not known");
    const facts = [change, entry.took && `took ${entry.took}`, entry.tries && `${entry.tries} tries`, entry.from && `sent by ${entry.from}`, entry.reason, entry.file];
    setText(this.facts, facts.filter(Boolean).join(" · "), 600);
    this.ids.hidden = entry.id === undefined;
    setText(this.id, entry.id ?? "", 128);
    const counts = [entry.changes?.length ?? 0, playback.fields.length];
    this.tabs.retitle(0, `Changes ${counts[0] + (entry.more ?? 0)}`);
    this.tabs.retitle(1, "All");
    this.tabs.retitle(GUARDS, entry.guards === undefined ? "Guards" : "Guards ●");
    this.tabs.retitle(ERROR, failed ? "Error ✕" : "Error");
    // What explains trouble opens by itself; the next step has what was open before.
    const shown = failed ? ERROR : outcome === "refused" && entry.guards !== undefined ? GUARDS : this.chosen;
    if (shown === this.shown) return this.#fillPane();
    this.moving = true;
    this.tabs.show(shown);
    this.moving = false;
  }

  #fillPane() {
    if (!this.playback) return;
    const entry = this.playback.entry(this.at);
    const pane = this.panes[this.shown].panel;
    const parts = [this.#changes, this.#all, this.#guards, this.#error][this.shown].call(this, entry);
    fill(pane, ...parts);
  }

  #changes(entry) {
    const changes = this.playback.changes(this.at);
    if (entry.unreadable) return [said("The snapshot after this step can't be read.")];
    if (!changes.length) return [said(entry.snapshot === undefined ? "No snapshot stands after this step: nothing changed, or it was pruned." : "No field changed.")];
    const rows = changes.map(({ field, old, now, by }) => this.#row(field, [old === null ? el("i", {}, "none") : old, " → ", el("b", {}, now === null ? "removed" : now)], by));
    return [list(rows), entry.more ? said(`${counted(entry.more)} more changes are not listed.`) : null];
  }

  #all() {
    const values = this.playback.values(this.at);
    const entry = this.playback.entry(this.at);
    const back = entry.snapshot === undefined ? null : el("p", { class: "ff-facts ff-muted" }, "Alive again: ", el("code", {}, restoring(entry)));
    return [values.length ? list(values.map(({ field, value, by }) => this.#row(field, [value], by))) : said("No data yet."), back];
  }

  /** One field, and in the margin the way to who set it. */
  #row(field, value, by) {
    const target = by === null || by < 0 || by === this.at ? null : this.playback.entry(by);
    const id = target?.step ?? target?.snapshot;
    const jump = id === undefined ? el("span", {}) : button(`↶ #${counted(id)}`, () => this.onJump(by), { kind: "ff-blame", title: "Go to the step that set this" });
    jump.setAttribute?.("aria-label", id === undefined ? "" : `Go to step ${id}, which set ${visible(field, 60)}`);
    return el("div", { class: "ff-field" }, el("span", { class: "ff-name" }, field), el("span", { class: "ff-value" }, ...value), jump);
  }

  #guards(entry) {
    const guards = entry.guards;
    if (guards === undefined) return [said("No guard was asked.")];
    return [Array.isArray(guards) ? guardTree(guards, 0) : el("pre", { class: "ff-words" }, written(guards))];
  }

  #error(entry) {
    if (entry.error === undefined && entry.detail === undefined) return [said("No error.")];
    const { why, fix, context, ...detail } = Object(entry.detail);
    const texts = [why && ["Why", why], fix && ["Fix", fix], ...Object.entries(Object(context))].filter(Boolean);
    const other = typeof entry.detail === "string" ? entry.detail : written(detail);
    return [
      el("p", { class: "ff-failed-text ff-text" }, entry.error ?? ""),
      list(texts.map(([name, value]) => el("div", { class: "ff-field" }, el("span", { class: "ff-name" }, name), el("span", { class: "ff-value" }, value)))),
      texts.length ? null : el("pre", { class: "ff-words" }, other),
    ];
  }
}

function list(rows) {
  return el("div", { class: "ff-fields" }, ...rows);
}

function said(text) {
  return el("p", { class: "ff-empty" }, text);
}

function written(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 1);
}

/** What guards said, each with the values that it read. */
function guardTree(guards, depth) {
  return el("ul", { class: "ff-guards" }, ...guards.slice(0, MOST_GUARDS).map((each) => {
    const { name, passed, values, children } = Object(each);
    const read = Object.entries(Object(values)).map(([key, value]) => `${key} = ${JSON.stringify(value)}`).join(", ");
    return el("li", {},
      el("span", { class: passed === false ? "ff-refused-text" : "" }, `${{ true: "✓", false: "✗" }[passed] ?? "·"} ${visible(name, 200)}`),
      read ? el("span", { class: "ff-muted" }, `  ${read}`) : null,
      Array.isArray(children) && depth < DEEPEST ? guardTree(children, depth + 1) : null);
  }));
}
