// The graph pane: shows the SVG that Python has drawn. Highlights only change classes, so that
// nothing ever moves. See flexiflow/graph/svg.py for what the picture holds.
import { el, fill, svgOf, visible } from "./dom.js";
import { button, toolbar } from "./controls.js";

const ELEMENTS = ".ff-node, .ff-row, .ff-edge";
const DRAG = 4; // px a pointer moves before it pans
const NEAREST = 6;

/**
 * @typedef {{state: string} | {source: string, target: string, message?: string, edges: number[]}} Element
 * A state or a transition; `edges` are places in the Graph's edges.
 *
 * @typedef {object} Marks
 * @property {string | null} [current]
 * @property {Iterable<string>} [visited] states
 * @property {Iterable<number>} [taken] edges
 * @property {number[]} [trail] edges, the newest last
 * @property {Iterable<number>} [failed] edges
 */

/** A picture of a machine that can be clicked, walked through, moved and zoomed. */
export class GraphPane {
  /**
   * @param {object} options
   * @param {string} options.label
   * @param {(element: Element | null) => void} options.onSelect null where nothing is any more
   * @param {(element: Element) => void} [options.onVisit] by double click, or Enter on the selected
   * @param {number} [options.smallest] the scale below which only what is around the current
   *   state is shown at first
   * @param {number} [options.largest] the scale at which the whole is shown where there is room
   */
  constructor({ label, onSelect, onVisit = () => {}, smallest = 0, largest = 1 }) {
    this.onSelect = onSelect;
    this.onVisit = onVisit;
    this.smallest = smallest;
    this.largest = largest;
    this.boxes = new Map();
    this.marks = {};
    this.selected = null;
    this.settle = () => this.home(); // after a change of size; null where somebody has moved it
    this.view = { x: 0, y: 0, width: 1, height: 1 };
    this.canvas = el("div", { class: "ff-canvas", role: "group", "aria-label": label });
    this.words = el("pre", { class: "ff-words" });
    this.tools = toolbar(
      "Zoom",
      button("+", () => this.zoom(1.25), { title: "Zoom in (ctrl or ⌘ and wheel)" }),
      button("−", () => this.zoom(0.8), { title: "Zoom out" }),
      button("Fit", () => this.fit(), { title: "Show all of it" }),
    );
    this.tools.children[0].setAttribute("aria-label", "Zoom in");
    this.tools.children[1].setAttribute("aria-label", "Zoom out");
    const twin = el("details", { class: "ff-twin" }, el("summary", {}, "The machine in words"), this.words);
    this.element = el("div", { class: "ff-graphpane" }, this.canvas, twin);
    this.#listen();
  }

  /**
   * Show another picture. Selection, marks and focus stay where it has what they name, and so
   * does what is in sight where it has the same size.
   * @param {string} text an SVG
   * @param {string} words the same in words
   */
  show(text, words) {
    fill(this.words, words);
    const [before, focused] = [this.size, this.svg?.contains(document.activeElement) ? elementOf(document.activeElement) : null];
    this.svg = svgOf(text);
    if (this.svg === null) {
      fill(this.canvas, el("pre", { class: "ff-words" }, words));
      return;
    }
    const [, , width, height] = (this.svg.getAttribute("viewBox") ?? "0 0 1 1").split(" ").map(Number);
    this.size = { width, height };
    this.#makeAccessible();
    fill(this.canvas, this.svg);
    this.canvas.style.setProperty("--ff-natural", `${height}px`);
    this.canvas.style.setProperty("--ff-ratio", `${width / height}`);
    this.boxes.clear();
    this.mark(this.marks);
    this.select(this.selected);
    if (!this.settle && before?.width === width && before?.height === height) this.#set(this.view);
    else this.home();
    if (focused) this.#focus(this.#elements().find((each) => same(elementOf(each), focused)));
  }

  /** Change highlights. @param {Marks} marks */
  mark(marks) {
    const isFirst = this.marks.current === undefined;
    this.marks = marks;
    if (!this.svg) return;
    const visited = new Set(marks.visited);
    for (const node of this.#all(".ff-node")) {
      const name = node.dataset.state;
      toggle(node, "ff-current", name === marks.current);
      if (marks.visited) toggle(node, "ff-visited", visited.has(name));
    }
    const taken = new Set(marks.taken);
    const failed = new Set(marks.failed);
    const ages = new Map((marks.trail ?? []).map((edge, index, all) => [edge, all.length - index]));
    for (const edge of this.#all(".ff-edge, .ff-row")) {
      const places = placesOf(edge);
      if (marks.taken) toggle(edge, "ff-taken", places.some((place) => taken.has(place)));
      toggle(edge, "ff-failed", places.some((place) => failed.has(place)));
      const age = Math.min(...places.map((place) => ages.get(place) ?? Infinity));
      toggle(edge, "ff-trail", age < NEAREST);
      toggle(edge, "ff-newest", age === 1);
    }
    if (this.settle && (isFirst || !this.#isInSight(marks.current))) this.settle();
  }

  /** Mark a state or transition as selected; null for none. @param {Element | null} element */
  select(element) {
    this.selected = element;
    for (const each of this.#elements()) {
      const chosen = element !== null && same(elementOf(each), element);
      toggle(each, "ff-selected", chosen);
      each.setAttribute("aria-pressed", String(chosen));
      if (chosen) this.#makeActive(each);
    }
  }

  /** Show the whole picture, no larger than it was drawn or `largest` says. */
  fit() {
    if (!this.svg) return;
    this.settle = () => this.fit();
    this.#look(this.size.width / 2, this.size.height / 2, this.#whole());
  }

  /** Show the whole picture, or where that can't be read, what is around the current state. */
  home() {
    if (!this.svg) return;
    const box = this.#box(this.marks.current);
    if (this.#whole() >= this.smallest || !box) this.fit();
    else this.#look(box.x + box.width / 2, box.y + box.height / 2, this.smallest);
    this.settle = () => this.home();
  }

  /** Zoom by a factor, around a point of the picture or the middle. */
  zoom(factor, around = null) {
    if (!this.svg) return;
    this.settle = null;
    const { x, y, width, height } = this.view;
    const [paneWidth] = this.#pane();
    const before = paneWidth / width;
    const scale = Math.min(6, Math.max(0.1, before * factor));
    const ratio = before / scale;
    const at = around ?? { x: x + width / 2, y: y + height / 2 };
    this.#look(at.x + (x + width / 2 - at.x) * ratio, at.y + (y + height / 2 - at.y) * ratio, scale);
  }

  dispose() {
    this.observer.disconnect();
  }

  // -- inside ---------------------------------------------------------------------------------

  #makeAccessible() {
    this.svg.setAttribute("role", "group");
    this.svg.removeAttribute("style");
    // The text twin says it; left here, the title would be a hover text over everything.
    for (const part of this.svg.querySelectorAll(":scope > title, :scope > desc")) part.remove();
    for (const each of this.#elements()) {
      each.setAttribute("role", "button");
      each.setAttribute("tabindex", "-1");
      each.setAttribute("aria-label", visible(each.querySelector("title")?.textContent, 400));
    }
    const first = this.svg.querySelector(".ff-current") ?? this.#elements()[0];
    if (first) this.#makeActive(first);
  }

  #listen() {
    const at = (event) => event.target.closest?.(ELEMENTS) ?? null;
    let start = null;
    let dragged = false; // the click that ends a drag selects nothing
    this.canvas.addEventListener("click", (event) => {
      if (dragged) return;
      const found = at(event);
      this.#choose(found && elementOf(found));
    });
    this.canvas.addEventListener("dblclick", (event) => {
      const found = at(event);
      if (found) this.onVisit(elementOf(found));
    });
    this.canvas.addEventListener("keydown", (event) => this.#pressed(event));
    this.canvas.addEventListener("wheel", (event) => this.#wheeled(event), { passive: false });
    this.canvas.addEventListener("pointerdown", (event) => {
      dragged = false;
      start = event.button === 0 && this.svg ? { x: event.clientX, y: event.clientY, view: { ...this.view } } : null;
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!start || !(event.buttons & 1)) return;
      const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
      if (!dragged && Math.hypot(dx, dy) < DRAG) return;
      dragged = true;
      this.settle = null;
      this.canvas.setPointerCapture(event.pointerId);
      const scale = start.view.width / this.#pane()[0];
      this.#set({ ...start.view, x: start.view.x - dx * scale, y: start.view.y - dy * scale });
    });
    this.canvas.addEventListener("pointerup", () => {
      start = null;
    });
    this.observer = new ResizeObserver(() => this.settle?.());
    this.observer.observe(this.canvas);
  }

  #wheeled(event) {
    if (!(event.ctrlKey || event.metaKey) || !this.svg) return; // the page scrolls as ever
    event.preventDefault();
    const box = this.canvas.getBoundingClientRect();
    const { x, y, width, height } = this.view;
    this.zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, {
      x: x + ((event.clientX - box.left) / box.width) * width,
      y: y + ((event.clientY - box.top) / box.height) * height,
    });
  }

  #pressed(event) {
    const all = this.#elements();
    const here = all.indexOf(event.target);
    const steps = { ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1, Home: 0, End: all.length - 1 };
    const zooms = { "+": 1.25, "=": 1.25, "-": 0.8 };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) this.#focus(all[Math.max(0, Math.min(steps[event.key], all.length - 1))]);
    else if (event.key in zooms) this.zoom(zooms[event.key]);
    else if (event.key === "0") this.fit();
    else if (event.key === "Escape" && this.selected) this.#choose(null);
    else if (here >= 0 && (event.key === "Enter" || event.key === " ")) this.#enter(all[here]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #enter(found) {
    const element = elementOf(found);
    if (this.selected && same(this.selected, element)) this.onVisit(element);
    else this.#choose(element);
  }

  #choose(element) {
    this.select(element);
    this.onSelect(element);
  }

  #focus(element) {
    if (!element) return;
    this.#makeActive(element);
    element.focus({ preventScroll: true });
    const box = element.getBBox();
    const [paneWidth] = this.#pane();
    const { x, y, width, height } = this.view;
    const [middleX, middleY] = [box.x + box.width / 2, box.y + box.height / 2];
    const inside = middleX > x && middleX < x + width && middleY > y && middleY < y + height;
    if (!inside) this.#look(middleX, middleY, paneWidth / width);
  }

  #makeActive(element) {
    for (const each of this.#elements()) each.setAttribute("tabindex", each === element ? "0" : "-1");
  }

  /** What can be focused: states, each followed by the transitions that lead away from it. */
  #elements() {
    if (!this.svg) return [];
    const edges = this.#all(".ff-edge:not(:has(.ff-row)), .ff-row");
    return this.#all(".ff-node").flatMap((node) => [
      node,
      ...edges.filter((edge) => edge.dataset.source === node.dataset.state),
    ]);
  }

  #all(selector) {
    return [...this.svg.querySelectorAll(selector)];
  }

  #pane() {
    return [this.canvas.clientWidth || this.size.width, this.canvas.clientHeight || this.size.height];
  }

  /** The scale at which all of it is seen. */
  #whole() {
    const [paneWidth, paneHeight] = this.#pane();
    return Math.min(this.largest, paneWidth / this.size.width, paneHeight / this.size.height);
  }

  /** Where a state is; measured once, since the picture stays as it is. */
  #box(state) {
    if (!this.boxes.has(state)) {
      const node = this.#all(".ff-node").find((each) => each.dataset.state === state);
      this.boxes.set(state, node ? node.getBBox() : null);
    }
    return this.boxes.get(state);
  }

  #isInSight(state) {
    const box = this.#box(state);
    const { x, y, width, height } = this.view;
    return !box || (box.x >= x && box.y >= y && box.x + box.width <= x + width && box.y + box.height <= y + height);
  }

  #look(x, y, scale) {
    const [paneWidth, paneHeight] = this.#pane();
    const [width, height] = [paneWidth / scale, paneHeight / scale];
    this.#set({ x: x - width / 2, y: y - height / 2, width, height });
  }

  #set(view) {
    this.view = view;
    this.svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
  }
}

/** What stands behind an element of the picture. @returns {Element} */
function elementOf(group) {
  const { state, source, target, message } = group.dataset;
  if (state !== undefined) return { state };
  const found = { source, target, edges: placesOf(group) };
  return message === undefined ? found : { ...found, message };
}

function placesOf(group) {
  return group.dataset.edge.split(" ").map(Number);
}

function same(one, other) {
  if (one.state !== undefined || other.state !== undefined) return one.state === other.state;
  return one.source === other.source && one.target === other.target && one.message === other.message;
}

function toggle(element, name, holds) {
  if (element.classList.contains(name) !== holds) element.classList.toggle(name, holds);
}
