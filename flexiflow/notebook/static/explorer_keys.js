// What the keys do in the explorer of a history.

/**
 * @param {any} explorer
 * @param {boolean} offline whether nobody can be asked
 * @returns {import("./keys.js").Key[]}
 */
export function keysOf(explorer, offline) {
  return [
    { keys: ["ArrowLeft"], name: "←", does: "one step back", press: () => explorer.step(-1) },
    { keys: ["ArrowRight"], name: "→", does: "one step on", press: () => explorer.step(1) },
    { keys: ["Home"], name: "Home", does: "to the first", press: () => explorer.go(0) },
    { keys: ["End"], name: "End", does: "to the last", press: () => explorer.go(explorer.playback.count - 1) },
    { keys: [" "], name: "Space", does: "play, pause", press: () => explorer.player.toggle() },
    { keys: ["e"], name: "e", does: "next failure", press: () => explorer.failure(1) },
    { keys: ["E"], name: "E", does: "failure before", press: () => explorer.failure(-1) },
    { keys: ["r"], name: "r", does: "next refusal", press: () => explorer.refusal(1) },
    { keys: ["R"], name: "R", does: "refusal before", press: () => explorer.refusal(-1) },
    { keys: ["n"], name: "n", does: "next match", press: () => explorer.match(1) },
    { keys: ["N"], name: "N", does: "match before", press: () => explorer.match(-1) },
    { keys: ["b"], name: "b", does: "bookmark", press: () => explorer.bookmark() },
    { keys: ["/"], name: "/", does: "search by a condition", press: () => explorer.field?.focus() },
    { keys: ["c"], name: "c", does: "copy the correlation id", press: () => explorer.copyId() },
    { keys: ["Escape"], name: "Esc", does: "drop the newest filter", press: () => explorer.escape() },
    { keys: ["?"], name: "?", does: "these keys", press: () => explorer.toggleHelp() },
  ].filter((each) => !offline || !["b", "/"].includes(each.name));
}
