// The steps of a component, unpacked from the bytes that Python sent once. See
// widgets/packed_playback.py for what stands where.

const NONE = 0xffff;
const NO_EDGE = -1;
const FAILED_ON = -2; // minus the edge
const LONGEST_TRAIL = 5;
const FARTHEST = 2000; // entries that are looked back for a trail

const text = new TextDecoder();

/** @typedef {{field: string, old: string | null, now: string | null, by: number | null}} Change */

/** Steps, and snapshots that follow none, by their place: 0 is the first that was sent. */
export class Playback {
  /** @param {DataView} packed @returns {Promise<Playback>} */
  static async unpack(packed) {
    if (!packed?.byteLength) return new Playback(new ArrayBuffer(12), true);
    // A copy: where the view begins is anywhere, and arrays of numbers must be aligned.
    const bytes = new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength).slice();
    const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Playback(await new Response(inflated).arrayBuffer());
  }

  /** @param {ArrayBuffer} buffer */
  constructor(buffer, empty = false) {
    const [count, end] = new Uint32Array(buffer, 0, 2);
    let at = 8;
    const take = (kind, length) => {
      const array = new kind(buffer, at, length);
      at += length * kind.BYTES_PER_ELEMENT;
      return array;
    };
    this.count = count;
    this.times = take(Float64Array, count); // ms since 1970, NaN where not known
    this.until = NaN; // up to when the state after the last entry is known to last, ms since 1970
    this.offsets = take(Uint32Array, count + 1);
    [this.from, this.to, this.messages, this.outcomes] = [0, 0, 0, 0].map(() => take(Uint16Array, count));
    this.edges = take(Int16Array, count);
    this.bodies = new Uint8Array(buffer, at);
    const bodies = this.offsets[count];
    const rest = empty ? {} : JSON.parse(text.decode(this.bodies.subarray(bodies, bodies + end)));
    this.names = { states: rest.states ?? [], messages: rest.messages ?? [], outcomes: rest.outcomes ?? [] };
    this.fields = Object.entries(rest.fields ?? {});
    this.failures = new Set(rest.failed ?? []);
    this.known = new Map();
    this.firsts = firstOf(this.to, this.from);
    this.taken = firstOf(this.edges);
  }

  before(at) {
    return this.names.states[this.from[at]] ?? null;
  }

  after(at) {
    return this.names.states[this.to[at]] ?? null;
  }

  message(at) {
    return this.names.messages[this.messages[at]] ?? null;
  }

  /** moved, stayed, refused, failed, cancelled; or saved for a snapshot that follows no step. */
  outcome(at) {
    return this.names.outcomes[this.outcomes[at]] ?? "";
  }

  /** Whether it went wrong, also where a declared exception moved the machine. */
  failed(at) {
    return this.failures.has(at);
  }

  refused(at) {
    return this.outcome(at) === "refused";
  }

  /** All that is known of an entry. */
  entry(at) {
    let found = this.known.get(at);
    if (found === undefined) {
      found = JSON.parse(text.decode(this.bodies.subarray(this.offsets[at], this.offsets[at + 1])));
      if (this.known.size > 2000) this.known.clear();
      this.known.set(at, found);
    }
    return found;
  }

  /** @returns {Change[]} */
  changes(at) {
    return (this.entry(at).changes ?? []).map(([field, old, now, by]) => ({ field, old, now, by }));
  }

  /** Every field with its value at an entry, and the place that set it. */
  values(at) {
    return this.fields.flatMap(([field, [places, values]]) => {
      const found = lastUpTo(places, at);
      return found < 0 || values[found] === null ? [] : [{ field, value: values[found], by: places[found] }];
    });
  }

  /** The entries after which there is a snapshot, ascending. */
  withSnapshot() {
    this.places ??= this.#places();
    return [...this.places.snapshot.values()].flat().sort((one, other) => one - other);
  }

  /** The place of a step or a snapshot; -1 where it was not sent. */
  place({ step, snapshot, file }) {
    const [key, wanted] = step === undefined ? ["snapshot", snapshot] : ["step", step];
    if (wanted === undefined) return -1;
    this.places ??= this.#places();
    const all = this.places[key].get(wanted) ?? [];
    const isThere = (own) => own === undefined || file === undefined || own === file; // of one file none is named
    return all.find((at) => isThere(this.entry(at).file)) ?? -1;
  }

  /** How the graph looks at an entry. @returns {import("./graph.js").Marks} */
  marks(at) {
    const visited = [...this.firsts].filter(([, first]) => first <= at).map(([code]) => this.names.states[code]);
    const taken = [...this.taken].filter(([edge, first]) => edge >= 0 && first <= at).map(([edge]) => edge);
    const trail = [];
    for (let back = at; back >= 0 && back > at - FARTHEST && trail.length < LONGEST_TRAIL; back -= 1) {
      if (this.edges[back] >= 0) trail.unshift(this.edges[back]);
    }
    const edge = this.edges[at] ?? NO_EDGE;
    return { current: this.after(at), visited, taken, trail, failed: edge <= FAILED_ON ? [FAILED_ON - edge] : [] };
  }

  /** How long the state lasted that the entry led to, in ms; 0 where that is not known. */
  dwell(at) {
    const next = at + 1 < this.count ? this.times[at + 1] : this.until;
    return Math.max(next - this.times[at], 0) || 0;
  }

  /** Whether an entry is about a state or a transition. */
  isAbout(at, { state, source, target, message }) {
    const [before, after] = [this.before(at), this.after(at)];
    if (state !== undefined) return before === state || after === state;
    return before === source && after === target && (message === undefined || this.message(at) === message);
  }

  #places() {
    const found = { step: new Map(), snapshot: new Map() };
    for (let at = 0; at < this.count; at += 1) {
      const entry = this.entry(at);
      for (const key of ["step", "snapshot"]) {
        if (entry[key] === undefined) continue;
        if (!found[key].has(entry[key])) found[key].set(entry[key], []);
        found[key].get(entry[key]).push(at);
      }
    }
    return found;
  }
}

/** Where each code stands for the first time. @returns {Map<number, number>} */
function firstOf(...arrays) {
  const firsts = new Map();
  for (const codes of arrays) {
    codes.forEach((code, at) => {
      if (code !== NONE && !(firsts.get(code) <= at)) firsts.set(code, at);
    });
  }
  return firsts;
}

/** The place of the last number in an ascending list that is not beyond a limit; -1 for none. */
export function lastUpTo(numbers, limit) {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
