// The explorer of a history: graph, step, dwell strip, rows and log, all at the same moment.
// Everything but what needs a whole file is done here: moving asks nobody.
import { counted, debounced, el, fill, setText } from "./dom.js";
import { button, chips } from "./controls.js";
import { copyText } from "./copying.js";
import { Details } from "./details.js";
import { otherParts, searchForm } from "./explorer_asking.js";
import { explorerHead } from "./explorer_head.js";
import { keysOf } from "./explorer_keys.js";
import { codeOf, described, filterOf, stripNote } from "./explorer_words.js";
import { GraphPane } from "./graph.js";
import { Lists } from "./lists.js";
import { keyList, listenToKeys } from "./keys.js";
import { Playback } from "./playback.js";
import { asker } from "./requests.js";
import { follow, shell } from "./shell.js";
import { player, Timeline } from "./timeline.js";

const READABLE = 0.8; // the graph's smallest scale at first
const SETTLED = 120; // ms after which Python learns where the cursor is

/** @param {{model: any, el: HTMLElement}} view */
function render({ model, el: host }) {
  const frame = shell({ model, el: host }, "History explorer");
  const explorer = new Explorer(model, frame);
  frame.later(() => explorer.dispose());
  return frame.dispose;
}

class Explorer {
  constructor(model, frame) {
    Object.assign(this, { model, frame, at: -1, filter: {}, matches: [], playback: new Playback(new ArrayBuffer(12), true) });
    this.ask = frame.offline ? () => {} : asker(model, frame, (answer) => this.#answered(answer), { oneAtATime: true });
    this.tellPython = debounced(() => this.#tellPython(), SETTLED);
    this.#make();
    this.#arrange();
    this.#follow();
  }

  dispose() {
    this.tellPython.cancel();
    this.graph.dispose();
    this.timeline.dispose();
  }

  // -- moving -----------------------------------------------------------------------------------

  /** Stand at an entry: everything moves there. */
  go(at, { tell = true } = {}) {
    if (!(at >= 0 && at < this.playback.count)) return false;
    this.at = at;
    this.timeline.go(at);
    this.details.show(this.playback, at);
    this.graph.mark(this.playback.marks(at));
    setText(this.count, `${this.#number(at)} / ${this.#total()}`);
    setText(this.star, this.#isMarked(at) ? "★" : "☆");
    this.lists.go(at); // scrolls, and so lays out what was changed before
    this.frame.root.dataset.ffCursor = String(at);
    if (tell) this.tellPython();
    return true;
  }

  /** The next entry that something holds of, in a direction; Python is asked for those not sent. */
  jump(holds, by, what) {
    this.player.stop();
    for (let at = this.at + by; at >= 0 && at < this.playback.count; at += by) {
      if (holds(at)) return this.#goAndSay(at);
    }
    const told = this.model.get("told");
    const outside = by > 0 ? told.after : told.before;
    if (outside && ["failure", "refusal"].includes(what) && !this.frame.offline) this.ask("trouble", { kind: what, forward: by > 0 });
    else this.say(`No ${by > 0 ? "later" : "earlier"} ${what}.`);
    return false;
  }

  failure(by) {
    return this.jump((at) => this.playback.failed(at), by, "failure");
  }

  refusal(by) {
    return this.jump((at) => this.playback.refused(at), by, "refusal");
  }

  /** The beginning of the next interval in which the condition holds. */
  match(by) {
    const firsts = new Set(this.matches.map(([first]) => first));
    return this.jump((at) => firsts.has(at), by, "match");
  }

  /** The next entry about a state or transition, from the beginning again after the last. */
  visit(element) {
    for (let step = 1; step <= this.playback.count; step += 1) {
      const at = (this.at + step) % this.playback.count;
      if (this.playback.isAbout(at, element)) return this.go(at);
    }
    return false;
  }

  setFilter(element) {
    this.filter = filterOf(element);
    this.#showFilter();
    this.tellPython();
  }

  /** Take the newest chip away: the filter, else the condition. */
  drop() {
    if (Object.keys(this.filter).length) this.setFilter(null);
    else if (this.condition) this.#search("");
    else return;
    this.frame.say("Filter taken away.");
  }

  say(text) {
    this.answer.hidden = !text;
    setText(this.answer, text, 2000);
    this.frame.say(text);
  }

  // -- making -----------------------------------------------------------------------------------

  #make() {
    const { frame } = this;
    this.graph = new GraphPane({
      label: "States and transitions",
      smallest: READABLE,
      onSelect: (element) => this.setFilter(element),
      onVisit: (element) => this.visit(element),
    });
    this.details = new Details({ onJump: (at) => this.go(at), onCopyId: () => this.copyId() });
    this.timeline = new Timeline({ onMove: (at) => this.go(at), told: (at) => this.#told(at) });
    this.lists = new Lists({ onSelect: (at) => this.go(at), onMissingStory: () => this.ask("story") });
    const jumps = [
      button("‹✕", () => this.failure(-1), { title: "Failure before (E)" }), button("✕›", () => this.failure(1), { title: "Next failure (e)" }),
      button("‹◇", () => this.refusal(-1), { title: "Refusal before (R)" }), button("◇›", () => this.refusal(1), { title: "Next refusal (r)" }),
    ];
    jumps.forEach((each) => each.setAttribute("aria-label", each.title.replace(/ \(.\)$/, "")));
    this.player = player(frame, { step: (by) => this.go(this.at + by), extra: jumps });
    this.count = el("span", { class: "ff-count" });
    this.answer = el("p", { class: "ff-said ff-muted", hidden: true });
    this.chips = el("span", { class: "ff-line" });
    this.star = button("☆", () => this.bookmark(), { title: "Bookmark (b)" });
    this.star.setAttribute("aria-label", "Bookmark");
    this.nextStar = button("★›", () => this.jump((at) => this.#isMarked(at), 1, "bookmark") || this.jump((at) => this.#isMarked(at), -1, "bookmark"), { title: "Next bookmark" });
    this.nextStar.setAttribute("aria-label", "Next bookmark");
    this.keys = keysOf(this, frame.offline);
    this.help = keyList(this.keys);
    listenToKeys(frame.root, this.keys);
  }

  #arrange() {
    const { frame, model } = this;
    frame.root.classList.add("ff-explorer");
    frame.root.tabIndex = -1;
    this.empty = el("div", { class: "ff-part", hidden: true });
    const form = frame.offline ? null : searchForm({ search: (text) => this.#search(text), match: (by) => this.match(by) });
    this.field = form?.field;
    this.body = el("div", { class: "ff-explorer-body" },
      el("div", { class: "ff-twopanes" }, this.graph.element, this.details.element),
      this.timeline.element,
      el("div", { class: "ff-bar" }, this.player.element, this.count, frame.offline ? null : this.star, this.nextStar, el("span", { class: "ff-spring" }),
        frame.offline ? null : otherParts(frame, model, (part) => this.ask("around", { part })),
        el("span", { class: "ff-line" }, button("Copy as code", () => this.copyCode(), { title: "The cell that shows this" }),
          button("?", () => this.toggleHelp(), { title: "Keys (?)" }))),
      this.help,
      el("div", { class: "ff-bar" }, form?.element, this.chips, this.answer),
      this.lists.element);
    frame.root.append(explorerHead(frame, model, this.ask, this.graph.tools), this.empty, this.body);
  }

  // -- following Python -------------------------------------------------------------------------

  #follow() {
    const { frame, model } = this;
    follow(frame, model, "told", (told) => {
      this.#showEmpty(told);
      this.lists.showStory(told.story);
    });
    follow(frame, model, "svg", (text) => this.graph.show(text, model.get("words")));
    follow(frame, model, "packed", (packed) => this.#unpack(packed));
    follow(frame, model, "selection", (chosen) => this.#selected(chosen));
    follow(frame, model, "bookmarks", () => this.#showBookmarks());
    follow(frame, model, "log", (log) => this.lists.showLog(log));
  }

  #showEmpty({ empty, code }) {
    this.empty.hidden = !empty;
    this.body.hidden = Boolean(empty);
    if (empty) fill(this.empty, el("p", { class: "ff-text" }, empty), el("pre", { class: "ff-code", tabindex: 0 }, code));
    this.frame.root.dataset.ffEmpty = String(Boolean(empty));
  }

  async #unpack(packed) {
    const playback = await Playback.unpack(packed);
    if (packed !== this.model.get("packed")) return; // another one came meanwhile
    this.playback = playback;
    const told = this.model.get("told");
    playback.until = told.until ?? NaN;
    this.timeline.show(playback.count, {
      failed: (at) => playback.failed(at),
      refused: (at) => playback.refused(at),
      dwell: (at) => playback.dwell(at),
      group: (at) => playback.after(at),
    }, stripNote(told, playback));
    this.lists.show(playback, told, this.model.get("log"));
    this.matches = [];
    this.#showMatches();
    this.#showBookmarks();
    this.at = -1;
    this.#selected(this.model.get("selection"));
    if (this.at < 0) this.go(playback.count - 1, { tell: false });
    this.frame.root.dataset.ffReady = String(playback.count);
  }

  #selected(chosen) {
    this.filter = filterOf(chosen);
    this.#showFilter();
    const at = this.playback.place(chosen);
    if (at >= 0 && at !== this.at) this.go(at, { tell: false });
    this.frame.root.dataset.ffSelected = JSON.stringify(chosen);
  }

  #selection() {
    const { step, snapshot, file } = this.playback.entry(this.at);
    const where = step === undefined ? { snapshot } : { step };
    return { ...where, ...(file === undefined ? {} : { file }), ...this.filter };
  }

  #tellPython() {
    this.model.set("selection", this.#selection());
    this.model.save_changes();
  }

  #showFilter() {
    const filtered = Object.keys(this.filter).length > 0;
    this.graph.select(filtered ? this.filter : null);
    this.lists.filter(filtered ? (at) => this.playback.isAbout(at, this.filter) : null);
    const texts = [...(this.condition ? [`where ${this.condition}`] : []), ...(filtered ? [described(this.filter)] : [])];
    chips(this.chips, texts, (index) => (filtered && index === texts.length - 1 ? this.setFilter(null) : this.#search("")));
    this.frame.root.dataset.ffFilter = filtered ? described(this.filter) : "";
  }

  // -- asking Python ----------------------------------------------------------------------------

  #search(text) {
    if (text) return this.ask("when", { text });
    [this.condition, this.matches] = ["", []];
    if (this.field) this.field.value = "";
    this.say("");
    this.#showMatches();
    this.#showFilter();
  }

  #answered(answer) {
    if (answer.do === "when" && answer.spans) {
      this.condition = answer.asked;
      this.matches = answer.spans;
      this.#showMatches();
      this.#showFilter();
      this.say(answer.count ? `${counted(answer.count)} ${answer.count === 1 ? "interval" : "intervals"}, longest ${answer.longest}` : "It never held.");
      if (this.matches.length && !this.matches.some(([first, last]) => first <= this.at && this.at <= last)) this.match(1) || this.match(-1);
    } else this.say(answer.text ?? "");
  }

  #showMatches() {
    this.timeline.markSpans(this.matches);
  }

  bookmark() {
    if (!this.frame.offline) this.ask("bookmark", { at: this.at });
  }

  #showBookmarks() {
    const { playback } = this;
    this.starred = new Set(this.model.get("bookmarks").map(([kind, id, file]) => playback.place({ [kind]: id, file: file })).filter((at) => at >= 0));
    this.timeline.markStars([...this.starred]);
    this.nextStar.hidden = this.starred.size === 0;
    if (this.at >= 0) setText(this.star, this.#isMarked(this.at) ? "★" : "☆");
    this.frame.root.dataset.ffBookmarks = String(this.starred.size);
  }

  #isMarked(at) {
    return this.starred?.has(at) ?? false;
  }

  // -- small things -----------------------------------------------------------------------------

  step(by) {
    this.player.stop();
    this.#goAndSay(this.at + by);
  }

  #goAndSay(at) {
    const went = this.go(at);
    if (went) this.frame.say(this.#told(at));
    return went;
  }

  escape() {
    if (document.activeElement === this.field) this.frame.root.focus();
    else this.drop();
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
  }

  #number(at) {
    return counted(at + 1 + (this.model.get("told").first ?? 0));
  }

  /** How many entries there are; of those that were not sent the steps are known. */
  #total() {
    const { total = 0, shown = 0 } = this.model.get("told");
    return counted(total - shown + this.playback.count);
  }

  #told(at) {
    const { playback } = this;
    return `${this.#number(at)}: ${[playback.message(at), playback.outcome(at), playback.after(at)].filter(Boolean).join(", ")}`;
  }

  copyId() {
    const { id } = this.playback.entry(this.at);
    if (id) this.#copy(id, "Correlation id copied.");
    else this.say("This entry has no correlation id.");
  }

  copyCode() {
    this.#copy(codeOf(this.model.get("component"), this.playback.entry(this.at), this.#selection(), this.condition), "Copied.");
  }

  #copy(text, said) {
    copyText(this.frame.root, text, this.answer, () => this.say(said));
  }
}

export default { render };
