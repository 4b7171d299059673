/** What the page says: progress to those who listen (a polite region), results and errors as short notes for all. */
import { html, useEffect, useRef, useState } from "./preact.js";
import { Icon } from "./icons.js";

const NOTE_SECONDS = 8;
let said = "", notes = [], number = 0;
const watchers = new Set();
const changed = () => watchers.forEach((watcher) => watcher({}));

/** Tell screen readers how far something is; nothing is shown. @param {string} text */
export function announce(text) {
  said = text;
  changed();
}

/** Show a note for a while, and read it out. @param {string} text @param {"note"|"error"} [kind] */
export function note(text, kind = "note") {
  const one = { number: number++, text, kind };
  notes = [...notes.filter((other) => other.text !== text), one].slice(-4);
  changed();
  if (kind !== "error") setTimeout(() => dismiss(one.number), NOTE_SECONDS * 1000);
}

/** Show what went wrong; an abort is nobody's mistake. @param {Error} error */
export function complain(error) {
  if (error?.name === "AbortError") return;
  note(error?.message || String(error), "error");
}

/** Run it; complain if it fails. Returns what it returns, or undefined. @param {() => Promise} work */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    complain(error);
    return undefined;
  }
}

/** Put a text on the clipboard. @param {string} text */
export function copy(text) {
  return attempt(async () => {
    await navigator.clipboard.writeText(text);
    note("Copied.");
  });
}

function dismiss(which) {
  notes = notes.filter((one) => one.number !== which);
  changed();
}

/** The regions themselves; the shell holds one. */
export function Status() {
  const [, again] = useState({});
  const box = useRef(null);
  useEffect(() => { watchers.add(again); return () => watchers.delete(again); }, []);
  // A dialog lies above everything that was there before it, so the notes are raised again for each new one.
  useEffect(() => {
    if (box.current.matches(":popover-open")) box.current.hidePopover();
    if (notes.length) box.current.showPopover();
  }, [notes]);
  return html`<div>
    <p class="unseen" role="status" aria-live="polite" id="said">${said}</p>
    <div class="notes" popover="manual" ref=${box} role="region" aria-label="Messages" aria-live="assertive">${notes.map((one) => html`
      <div class=${`note ${one.kind}`} key=${one.number}><span>${one.kind === "error" && html`<b>Error: </b>`}${one.text}</span>
        <button class="plain" aria-label="Dismiss" onClick=${() => dismiss(one.number)}><${Icon} name="close" /></button></div>`)}
    </div></div>`;
}
