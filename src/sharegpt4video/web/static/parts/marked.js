/** A text with marked spans: each mark is a `mark` element with a label that is read out, not a colour alone. */
import { html } from "./preact.js";

/**
 * @param {{text: string, spans: {start: number, end: number, kind: string, label: string}[]}} props spans of characters
 *   in Unicode code points as Python counts them; where they overlap, the first wins
 */
export function Marked({ text, spans }) {
  const points = Array.from(text);
  const parts = [];
  let at = 0;
  for (const one of [...spans].sort((a, b) => a.start - b.start)) {
    if (one.start < at || one.end <= one.start) continue;
    parts.push(points.slice(at, one.start).join(""), html`<${Mark} kind=${one.kind} label=${one.label}>${points.slice(one.start, one.end).join("")}<//>`);
    at = one.end;
  }
  return html`<p class="marked" dir="auto">${parts}${points.slice(at).join("")}</p>`;
}

/** @param {{kind: string, label: string, children: any}} props */
export function Mark({ kind, label, children }) {
  return html`<mark class=${kind}><span class="unseen">[${label}: </span>${children}<span class="unseen">]</span></mark>`;
}

/** One side of `compared` in diff.js. */
export function Pieces({ pieces, label }) {
  return html`<p class="marked" dir="auto">${pieces.map((one) => (one.mark === "same" ? one.text : html`<${Mark} kind="only" label=${label}>${one.text}<//>`))}</p>`;
}
