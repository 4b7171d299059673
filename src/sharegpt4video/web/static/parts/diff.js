/** Two texts compared word by word. */

/** @typedef {{text: string, mark: "same"|"only"}} Piece */

const MOST_WORDS = 2000;
const WORD = /[\p{L}\p{N}]/u;
const words = (text) => text.match(/\s+|[\p{L}\p{N}'’-]+|[^\s\p{L}\p{N}]/gu) ?? [];

/**
 * The pieces of both texts: what they share, and what only one of them says. Joined, the pieces are the texts again.
 * @param {string} a @param {string} b @returns {{a: Piece[], b: Piece[]}}
 */
export function compared(a, b) {
  const [left, right] = [words(a), words(b)];
  if (left.length > MOST_WORDS || right.length > MOST_WORDS) return a === b ? { a: piece(left, "same"), b: piece(right, "same") } : { a: piece(left, "only"), b: piece(right, "only") };
  const kept = longestCommon(left, right);
  return { a: pieces(left, new Set(kept.map(([i]) => i))), b: pieces(right, new Set(kept.map(([, j]) => j))) };
}

const piece = (parts, mark) => (parts.length ? [{ text: parts.join(""), mark }] : []);

/** Pairs of places with the same word, as many as can be in order. White space alone is no match. */
function longestCommon(left, right) {
  const width = right.length + 1, lengths = new Uint16Array((left.length + 1) * width);
  const [as, bs] = [left, right].map((side) => side.map((word) => word.toLowerCase()));
  for (let i = left.length - 1; i >= 0; i--) for (let j = right.length - 1; j >= 0; j--) {
    lengths[i * width + j] = as[i] === bs[j] ? lengths[(i + 1) * width + j + 1] + 1 : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
  }
  const found = [];
  for (let i = 0, j = 0; i < left.length && j < right.length;) {
    if (as[i] === bs[j]) found.push([i++, j++]);
    else if (lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]) i++;
    else j++;
  }
  return found;
}

/** Runs of words with one mark: a space or a comma between two marked words is marked too; alone they are no difference. */
function pieces(side, kept) {
  const same = side.map((word, at) => kept.has(at));
  side.forEach((word, at) => { if (!WORD.test(word)) same[at] = true; });
  for (let at = 0; at < side.length; at++) if (!WORD.test(side[at])) {
    let end = at;
    while (end < side.length && !WORD.test(side[end])) end++;
    if (at > 0 && end < side.length && !same[at - 1] && !same[end]) same.fill(false, at, end);
    at = end;
  }
  const found = [];
  side.forEach((word, at) => {
    const mark = same[at] ? "same" : "only", last = found.at(-1);
    if (last?.mark === mark) last.text += word;
    else found.push({ text: word, mark });
  });
  return found;
}

/**
 * The steps of two captions in rows: each row holds the steps of both that overlap in time, as few as will do.
 * @param {import("./steps.js").Step[]} a @param {import("./steps.js").Step[]} b
 * @returns {{start: number, end: number, a: number[], b: number[]}[]}
 */
export function aligned(a, b) {
  const all = [...a.map((step, at) => ({ step, at, side: "a" })), ...b.map((step, at) => ({ step, at, side: "b" }))];
  all.sort((one, other) => one.step.start_seconds - other.step.start_seconds || one.step.end_seconds - other.step.end_seconds);
  const rows = [];
  for (const { step, at, side } of all) {
    const last = rows.at(-1), instant = step.end_seconds <= step.start_seconds;
    const together = last && (instant ? last.start === last.end && last.start === step.start_seconds : last.end > step.start_seconds + 0.05);
    if (!together) rows.push({ start: step.start_seconds, end: step.end_seconds, a: [], b: [] });
    const row = rows.at(-1);
    row[side].push(at);
    row.end = Math.max(row.end, step.end_seconds);
  }
  return rows;
}
