// The dwell strip with its slider: where one is, how long each state lasted, what went wrong.
import { el } from "./dom.js";
import { button, toolbar } from "./controls.js";

const KINDS = ["ff-dwell", "ff-dwell ff-odd", "ff-match", "ff-refusals", "ff-failures", "ff-stars"];
// Hidden from screen readers: the slider says the same.
const STRIP = `<svg class="ff-strip" aria-hidden="true">${KINDS.map((kind) => `<path class="${kind}"/>`).join("")}</svg>`;
const HEIGHT = 56;
const FOOT = 34; // where the columns stand
const TALLEST = 26;
const EDGE = 8; // half of the slider's thumb, which stays inside
const SPEEDS = [0.5, 1, 2, 5, 20];
const BEAT = 700; // ms a step at speed 1

/**
 * @typedef {object} Marked
 * @property {(at: number) => boolean} failed
 * @property {(at: number) => boolean} refused
 * @property {(at: number) => number} dwell in ms
 * @property {(at: number) => unknown} group columns beside each other with the same one look alike
 */

/** A slider over a strip; both say the same. */
export class Timeline {
  /**
   * @param {object} options
   * @param {(at: number) => void} options.onMove
   * @param {(at: number) => string} options.told what a screen reader says of an entry
   */
  constructor({ onMove, told }) {
    [this.told, this.count, this.at] = [told, 0, 0];
    this.spans = [];
    this.stars = [];
    this.svg = new DOMParser().parseFromString(STRIP, "text/html").body.firstChild;
    this.slider = el("input", { type: "range", class: "ff-slider", min: 0, step: 1, "aria-label": "Step", on: { input: () => onMove(Number(this.slider.value)) } });
    this.note = el("p", { class: "ff-muted ff-stripnote" });
    this.element = el("div", { class: "ff-timeline" }, el("div", { class: "ff-stripbox" }, this.svg, this.slider), this.note);
    this.observer = new ResizeObserver(() => this.#draw());
    this.observer.observe(this.svg);
  }

  /** @param {number} count @param {Marked} marked @param {string} note what is left out */
  show(count, marked, note) {
    [this.count, this.marked] = [count, marked];
    this.slider.max = String(Math.max(count - 1, 0));
    this.slider.disabled = count < 2;
    this.note.textContent = note;
    this.#draw();
  }

  /** Stand at an entry. */
  go(at) {
    this.at = at;
    this.slider.value = String(at);
    this.slider.setAttribute("aria-valuetext", this.told(at));
  }

  /** Mark spans, first and last included, such as those in which a condition holds. */
  markSpans(spans) {
    this.spans = spans;
    this.#draw();
  }

  /** Mark entries with a star. */
  markStars(places) {
    this.stars = places;
    this.#draw();
  }

  dispose() {
    this.observer.disconnect();
  }

  #draw() {
    const width = this.svg.clientWidth;
    if (!width || !this.marked) return;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const x = (at) => EDGE + (this.count > 1 ? (at / (this.count - 1)) * (width - 2 * EDGE) : (width - 2 * EDGE) / 2);
    const [even, odd] = this.#columns(x, width);
    const spans = this.spans.map(([first, last]) => `M${x(first) - 1.5} ${FOOT + 3}H${x(last) + 1.5}`);
    const drawn = [
      even, odd, spans.join(""), glyphs(this.#where(this.marked.refused), x, DIAMOND),
      glyphs(this.#where(this.marked.failed), x, CROSS), glyphs(this.stars, x, STAR),
    ];
    drawn.forEach((d, at) => this.svg.children[at].setAttribute("d", d));
  }

  *#where(holds) {
    for (let at = 0; at < this.count; at += 1) if (holds(at)) yield at;
  }

  /** A column for each entry, as high as the logarithm of its dwell; of several in the same place the highest. */
  #columns(x, width) {
    const slots = Math.max(1, Math.min(this.count, Math.floor(width / 3)));
    const highest = new Float64Array(slots);
    const places = new Int32Array(slots).fill(-1);
    for (let at = 0; at < this.count; at += 1) {
      const slot = Math.min(slots - 1, Math.floor((at * slots) / this.count));
      const dwell = this.marked.dwell(at);
      if (places[slot] < 0 || dwell > highest[slot]) [highest[slot], places[slot]] = [dwell, at];
    }
    const most = Math.log1p(highest.reduce((a, b) => Math.max(a, b), 0)) || 1;
    const wide = Math.max(2, (width - 2 * EDGE) / Math.max(1, slots - 1) - 1);
    const parts = ["", ""];
    let [shade, group] = [0, null];
    places.forEach((at, slot) => {
      const now = this.marked.group(at);
      if (slot && now !== group) shade = 1 - shade;
      group = now;
      const high = 2 + (TALLEST * Math.log1p(highest[slot])) / most;
      const [left, right] = [Math.max(0, x(at) - wide / 2), Math.min(width, x(at) + wide / 2)];
      parts[shade] += `M${left} ${FOOT}v${-high}H${right}v${high}z`;
    });
    return parts;
  }
}

const CROSS = "m-3 -3l6 6m0 -6l-6 6";
const DIAMOND = "m0 -4l4 4l-4 4l-4 -4z";
const STAR = "m0 -5l1.5 3.4l3.5 .3l-2.7 2.3l.9 3.6l-3.2 -2l-3.2 2l.9 -3.6l-2.7 -2.3l3.5 -.3z";

/** One glyph for each entry; those that would cover each other wholly are drawn once. */
function glyphs(places, x, shape) {
  const drawn = new Set();
  let all = "";
  for (const at of places) {
    const left = Math.round(x(at));
    if (!drawn.has(left)) all += `M${left} ${FOOT + 10}${shape}`;
    drawn.add(left);
  }
  return all;
}

/**
 * Buttons that move through entries, and play them.
 * @param {import("./shell.js").Shell} frame
 * @param {{step: (by: number) => boolean, extra?: HTMLElement[]}} options `step` says whether it
 *   could go on
 * @returns {{element: HTMLElement, toggle: () => void, stop: () => void}}
 */
export function player(frame, { step, extra = [] }) {
  let timer = 0;
  let speed = 1;
  const play = button("▶", () => toggle(), { title: "Play (space)" });
  const pace = el("select", { "aria-label": "Speed", on: { change: () => { speed = Number(pace.value); if (timer) start(); } } },
    ...SPEEDS.map((each) => el("option", { value: each, selected: each === 1 }, `${each}×`)));
  const name = (label) => play.setAttribute("aria-label", label);
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = "▶";
    name("Play");
    frame.root.dataset.ffPlaying = "false";
  };
  const start = () => {
    clearInterval(timer);
    timer = setInterval(() => step(1) || stop(), BEAT / speed);
    play.textContent = "❚❚";
    name("Pause");
    frame.root.dataset.ffPlaying = "true";
  };
  const toggle = () => (timer ? stop() : start());
  const [back, on] = [button("◀", () => { stop(); step(-1); }, { title: "One step back (←)" }), button("▸", () => { stop(); step(1); }, { title: "One step on (→)" })];
  back.setAttribute("aria-label", "One step back");
  on.setAttribute("aria-label", "One step on");
  stop();
  frame.later(stop);
  return { element: toolbar("Player", back, play, on, ...extra, pace), toggle, stop };
}
