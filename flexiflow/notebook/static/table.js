// A table of any length: at most a few hundred rows are in the page, the others are room.
import { el, fill } from "./dom.js";

const ROW = 28; // px, as in the style sheet
const BEYOND = 1; // rows kept above and below what can be seen
const WHOLE = 24; // rows up to which all are drawn, so that the browser's own search finds them
const MOST = 400;
const HIGH = 300; // px, as long as the height is not known

/**
 * @typedef {object} TableOptions
 * @property {string} label
 * @property {(string | Node)[]} columns
 * @property {(index: number) => (Node | string)[]} cells of one row
 * @property {(index: number) => string} [kind] a class for one row
 * @property {(index: number) => void} onSelect by click, or by Enter and Space
 * @property {(index: number) => void} [onMove] by the arrows
 * @property {(event: KeyboardEvent, index: number) => boolean} [onKey] says whether it took a key
 * @property {string[]} [widths] of the columns, in CSS; without them the texts in sight decide,
 *   which takes longer
 * @property {string} [empty] what to say where there are no rows
 */

/** Rows that can be walked through by keyboard. */
export class RowTable {
  /** @param {TableOptions} options */
  constructor(options) {
    this.options = options;
    this.count = 0;
    this.active = 0; // the row that Tab leads to
    this.selected = -1;
    this.first = this.last = 0;
    [this.high, this.top] = [0, 0]; // what asking the page for would make it lay out first
    const heads = options.columns.map((name) => el("th", { scope: "col", role: "columnheader" }, name));
    this.body = el("tbody", { role: "rowgroup" });
    this.grid = el(
      "table",
      { role: "grid", class: options.widths ? "ff-table ff-fixed" : "ff-table", "aria-label": options.label },
      options.widths && el("colgroup", { role: "none" }, ...options.widths.map((width) => el("col", { role: "none", style: width && `width:${width}` }))),
      el("thead", { role: "rowgroup" }, el("tr", { role: "row", "aria-rowindex": 1 }, ...heads)),
      this.body,
    );
    this.none = el("p", { class: "ff-empty", hidden: true }, options.empty ?? "Nothing yet.");
    this.element = el("div", { class: "ff-scroll", on: { scroll: () => this.#scrolled() } }, this.grid, this.none);
    new ResizeObserver(() => this.#resized()).observe(this.element);
    this.body.addEventListener("click", (event) => this.#clicked(event));
    this.body.addEventListener("keydown", (event) => this.#pressed(event));
  }

  /** There are `count` rows now, and they may all be other ones. */
  show(count) {
    this.count = count;
    this.active = Math.max(0, Math.min(this.active, count - 1));
    this.grid.setAttribute("aria-rowcount", String(count + 1));
    this.grid.hidden = count === 0;
    this.none.hidden = count > 0;
    const focused = this.body.contains(document.activeElement);
    this.#draw(true);
    if (focused) this.#row(this.active)?.focus({ preventScroll: true });
  }

  /** Mark a row as the selected one, and bring it into sight; -1 for none. */
  select(index) {
    const before = [this.selected, this.active];
    this.selected = index;
    if (index >= 0) {
      this.active = index;
      this.#reveal(index);
    } else this.#draw();
    for (const each of [...before, index]) this.#renew(each);
  }

  /** Put a row that is there already right; making all anew would take longer. */
  #renew(index) {
    const row = this.#row(index);
    row?.setAttribute("aria-selected", String(index === this.selected));
    row?.setAttribute("tabindex", index === this.active ? "0" : "-1");
  }

  #scrolled() {
    this.top = this.element.scrollTop;
    this.#draw();
  }

  #resized() {
    this.high = this.element.clientHeight;
    this.#draw();
  }

  #clicked(event) {
    const row = event.target.closest("tr[data-row]");
    if (row) this.#choose(Number(row.dataset.row));
  }

  #choose(index) {
    this.active = index;
    this.options.onSelect(index);
  }

  #pressed(event) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 1);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.count, End: this.count };
    if (!this.options.onKey?.(event, this.active)) {
      if (event.key === "Enter" || event.key === " ") this.#choose(this.active);
      else if (event.key in moves) this.#go(this.active + moves[event.key]);
      else return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #go(index) {
    const before = this.active;
    this.active = Math.max(0, Math.min(index, this.count - 1));
    this.#reveal(this.active);
    for (const each of [before, this.active]) this.#renew(each);
    this.#row(this.active)?.focus({ preventScroll: true });
    this.options.onMove?.(this.active);
  }

  /** Bring a row into sight, with those around it. */
  #reveal(index) {
    const [top, height, before] = [index * ROW, (this.high || HIGH) - ROW, this.top];
    if (top < before) this.top = top;
    else if (top + ROW > before + height) this.top = top + ROW - height;
    this.#draw();
    // Scrolling lays the page out at once: after everything else, that is the only time.
    if (this.top !== before) this.element.scrollTop = this.top;
  }

  #row(index) {
    return this.body.querySelector(`tr[data-row="${index}"]`);
  }

  #draw(anew = false) {
    const seen = Math.ceil((this.high || HIGH) / ROW);
    const top = Math.floor(this.top / ROW);
    const whole = this.count <= WHOLE;
    const first = whole ? 0 : Math.max(0, Math.min(top - BEYOND, this.count - 1));
    const last = whole ? this.count : Math.min(this.count, first + Math.min(seen + 2 * BEYOND, MOST));
    if (!anew && first === this.first && last === this.last) return;
    [this.first, this.last] = [first, last];
    const rows = [];
    for (let index = first; index < last; index += 1) rows.push(this.#made(index));
    if (this.active < first || this.active >= last) rows[0]?.setAttribute("tabindex", "0");
    fill(this.body, room(first), ...rows, room(this.count - last));
  }

  #made(index) {
    const { cells, kind } = this.options;
    const chosen = index === this.selected;
    return el(
      "tr",
      {
        role: "row",
        "data-row": index,
        "aria-rowindex": index + 2,
        "aria-selected": String(chosen),
        tabindex: index === this.active ? 0 : -1,
        class: kind?.(index),
      },
      ...cells(index).map((cell) => el("td", { role: "gridcell" }, cell)),
    );
  }
}

function room(rows) {
  return rows > 0 ? el("tr", { "aria-hidden": "true", style: `height:${rows * ROW}px` }) : null;
}
