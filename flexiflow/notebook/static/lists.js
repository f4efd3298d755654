// The lists below the strip: steps, log lines, snapshots and the story, each at the same moment.
import { counted, el, setText } from "./dom.js";
import { tabs } from "./controls.js";
import { outcomeText } from "./details.js";
import { RowTable } from "./table.js";
import { lastUpTo } from "./playback.js";

const [STEPS, LOG, SNAPSHOTS, STORY] = [0, 1, 2, 3];
const TITLES = ["Steps", "Log", "Snapshots", "Story"];

/** Tabs with a list each. A list shows entries by their places, ascending. */
export class Lists {
  /** @param {{onSelect: (at: number) => void, onMissingStory: () => void}} options */
  constructor({ onSelect, onMissingStory }) {
    this.playback = null;
    this.onMissingStory = onMissingStory;
    this.at = -1;
    this.open = STEPS;
    this.keeps = null;
    this.places = TITLES.map(() => []);
    this.story = this.lines = [];
    const table = (list, label, columns, widths, cells, empty) => new RowTable({
      label, columns, widths, empty,
      cells: (index) => cells(this.places[list][index], index),
      onSelect: (index) => onSelect(this.places[list][index]),
    });
    this.tables = [
      table(STEPS, "Steps", ["step", "time (UTC)", "message", "outcome", "state", "took", "why"], ["64px", "112px", "15%", "96px", "20%", "72px", ""], (at) => this.#stepCells(at), "No step is like that."),
      table(LOG, "Log lines", ["time (UTC)", "level", "event", "text"], ["116px", "72px", "160px", ""], (_, index) => this.lines[index].slice(1, 5), "No lines."),
      table(SNAPSHOTS, "Snapshots", ["snapshot", "time (UTC)", "state", "changes"], ["88px", "116px", "20%", ""], (at) => this.#snapshotCells(at), "No snapshots."),
      table(STORY, "Story", ["what happened"], [""], (_, index) => [this.story[index][0]], "The story of a long history is told by history.story(…)."),
    ];
    this.note = el("p", { class: "ff-empty", hidden: true });
    const pages = this.tables.map((each, list) => ({ title: TITLES[list], panel: list === LOG ? el("div", {}, this.note, each.element) : each.element }));
    this.tabs = tabs("Lists", pages, (index) => {
      this.open = index;
      this.#showOpen();
    });
    this.element = el("div", { class: "ff-lists" }, this.tabs.element);
  }

  /** Other entries. */
  show(playback, told, log) {
    this.playback = playback;
    this.story = told.story ?? [];
    this.places[STORY] = placesOfStory(playback, this.story);
    this.snapshots = playback.withSnapshot();
    this.#takeLog(log);
    this.#refill();
  }

  /** The story came later. */
  showStory(story) {
    if (!this.playback || story === undefined) return;
    this.story = story;
    this.places[STORY] = placesOfStory(this.playback, story);
    if (this.open === STORY) this.#showOpen();
  }

  showLog(log) {
    if (!this.playback) return;
    this.#takeLog(log);
    this.#refill();
  }

  /** Keep only entries that something holds of; null for all. */
  filter(keeps) {
    this.keeps = keeps;
    if (this.playback) this.#refill();
  }

  /** Stand at an entry. */
  go(at) {
    this.at = at;
    this.#select();
  }

  #takeLog({ lines = [], note = "" }) {
    this.allLines = lines;
    setText(this.note, note);
    this.note.hidden = !note;
  }

  #refill() {
    const { playback } = this;
    const all = Array.from({ length: playback.count }, (_, at) => at).filter((at) => !this.keeps || this.keeps(at));
    this.places[STEPS] = all;
    this.places[SNAPSHOTS] = this.snapshots.filter((at) => !this.keeps || this.keeps(at));
    this.lines = (this.allLines ?? []).filter(([at]) => !this.keeps || this.keeps(at));
    this.places[LOG] = this.lines.map(([at]) => at);
    // Snapshots that follow no step stand among the steps, and are counted as snapshots.
    const counts = [all.filter((at) => playback.entry(at).step !== undefined), this.lines, this.places[SNAPSHOTS]].map((each) => each.length);
    counts.forEach((count, list) => this.tabs.retitle(list, `${TITLES[list]} ${counted(count)}`));
    this.#showOpen();
  }

  #showOpen() {
    if (!this.playback) return;
    if (this.open === STORY && !this.story.length && this.playback.count) this.onMissingStory();
    this.tables[this.open].show(this.places[this.open].length);
    this.#select();
  }

  #select() {
    const places = this.places[this.open];
    const index = lastUpTo(places, this.at);
    const exact = this.open === STORY || places[index] === this.at;
    this.tables[this.open].select(exact ? index : -1);
  }

  #stepCells(at) {
    const { playback } = this;
    const entry = playback.entry(at);
    const [before, after] = [playback.before(at), playback.after(at)];
    return [
      entry.step === undefined ? "" : counted(entry.step), entry.clock ?? "", playback.message(at) ?? "",
      outcomeText(playback.outcome(at), playback.failed(at)),
      before !== null && before !== after ? `${before} → ${after ?? "?"}` : (after ?? "?"),
      entry.took ?? "", entry.error ?? entry.reason ?? "",
    ];
  }

  #snapshotCells(at) {
    const entry = this.playback.entry(at);
    const changes = this.playback.changes(at).map(({ field, old, now }) => `${field} ${old ?? "none"} → ${now ?? "removed"}`);
    return [counted(entry.snapshot), entry.clock ?? "", this.playback.after(at) ?? "?", entry.unreadable ? "can't be read" : changes.join(", ")];
  }
}

/** Where each sentence begins: at its step, else at its time, else with the one before it. */
function placesOfStory(playback, story) {
  let before = 0;
  return story.map(([, step, file, time]) => {
    const at = step === null ? lastUpTo(playback.times, time ?? NaN) : playback.place({ step, file });
    before = Math.max(before, at);
    return before;
  });
}
