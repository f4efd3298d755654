// What the explorer says of what it shows: in words, and as a cell of Python.
import { counted, visible } from "./dom.js";

const CROWDED = 200; // entries from which on columns may have to be shared
const FILTERS = ["state", "source", "target", "message"];

/** What of a selection, a state or a transition filters; nothing of none. */
export function filterOf(from) {
  return Object.fromEntries(FILTERS.filter((key) => from?.[key] !== undefined).map((key) => [key, from[key]]));
}

/** What a filter asks for, short enough for a chip. */
export function described({ state, source, target, message }) {
  if (state !== undefined) return `state=${visible(state, 60)}`;
  return [source, message, target].filter((each) => each !== undefined).map((each) => visible(each, 60)).join(" → ");
}

/** What went wrong, and what the strip leaves out. */
export function stripNote({ shown, total, before = 0, after = 0 }, playback) {
  let refused = 0;
  for (let at = 0; at < playback.count; at += 1) refused += Number(playback.refused(at));
  const parts = [
    playback.failures.size ? `✕ ${counted(playback.failures.size)} failed.` : "",
    refused ? `◇ ${counted(refused)} refused.` : "",
    shown < total ? `Showing ${counted(shown)} of ${counted(total)} steps; ${counted(before + after)} outside of them went wrong.` : "",
    playback.count > CROWDED ? "A column may stand for several steps: it is their longest dwell. No failure or refusal is left out." : "",
  ];
  return parts.filter(Boolean).join(" ");
}

/** The code that brings an entry's snapshot back. */
export function restoring(entry) {
  return `${historyOf(entry)}.restore(${entry.snapshot}, engine)`;
}

/** The history in which an id is one row: several files may each have it. */
function historyOf({ file }) {
  return file === undefined ? "history" : `flexiflow.open_history(${JSON.stringify(file)})`;
}

/** A cell that shows in Python what is shown here. */
export function codeOf(component, entry, selection, condition) {
  const name = JSON.stringify(component);
  const lines = [...(entry.file === undefined ? [] : ["import flexiflow"]), `steps = history.steps(${name})`];
  const ofFile = entry.file === undefined ? "" : ` & (steps["source"] == ${JSON.stringify(entry.file)})`;
  if (entry.step !== undefined) lines.push(ofFile ? `steps[(steps["id"] == ${entry.step})${ofFile}]` : `steps[steps["id"] == ${entry.step}]`);
  if (entry.snapshot !== undefined) lines.push(`${historyOf(entry)}.snapshot(${entry.snapshot})  # alive again: ${restoring(entry)}`);
  if (condition) lines.push(`history.when(${name}, ${JSON.stringify(condition)}).frame`);
  lines.push(`explorer = history.explore(${name}, selection=${JSON.stringify(selection)})`, "explorer.rows()");
  return lines.join("\n");
}
