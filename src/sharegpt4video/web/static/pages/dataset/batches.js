/** The changes that were made of many captions, each with its undo. */
import { call } from "../../api.js";
import { counted } from "../../parts/clock.js";
import { html, useEffect, useState } from "../../parts/preact.js";
import { attempt, complain, note } from "../../parts/status.js";

const ASK_EVERY_MS = 700;

/** @param {() => void} onDone when one that was running has ended @returns {[object[], () => void]} the batches, and how to ask again */
export function useBatches(onDone) {
  const [batches, set] = useState([]);
  const [round, again] = useState(0);
  useEffect(() => {
    let timer = 0, gone = false, ran = false;
    const ask = async () => {
      try {
        const { batches: found } = await call("GET", "/v1/dataset/bulk");
        if (gone) return;
        set(found);
        const running = found.some((one) => one.status === "running");
        if (ran && !running) onDone();
        ran = running;
        if (running) timer = setTimeout(ask, ASK_EVERY_MS);
      } catch (error) { if (!gone) complain(error); }
    };
    ask();
    if (round) ran = true;
    return () => { gone = true; clearTimeout(timer); };
  }, [round]);
  return [batches, () => again((one) => one + 1)];
}

/** @param {{batches: object[], ask: () => void, onChanged: () => void}} props */
export function Batches({ batches, ask, onChanged }) {
  if (!batches.length) return null;
  const undo = async (one) => {
    if (await attempt(async () => { await call("DELETE", `/v1/dataset/bulk/${one.id}`); return true; })) { note("Undone: every text is as it was before."); onChanged(); }
    ask();
  };
  return html`<section aria-label="Changes made"><h3>Changes made</h3><ul class="batches">${batches.map((one) => html`<li key=${one.id}>
    <span class="words"><b>${named(one.change)}</b> ${one.author && html`<bdi>by ${one.author}</bdi>`} <span class="time">${new Date(one.time * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "short" })}</span>
      ${one.message && html`<span class="hint"> ${one.message}</span>`}</span>
    <span class="state-of">${one.undone ? "undone" : one.status === "done" ? counted(one.rows, "text") : one.status === "running" ? `${one.rows.toLocaleString("en")} so far` : one.status}</span>
    ${one.status === "done" && !one.undone ? html`<button onClick=${() => undo(one)}>Undo</button>` : html`<span></span>`}</li>`)}</ul></section>`;
}

function named(change) {
  if (change.kind === "replace") return html`<bdi>${change.find}</bdi> → <bdi>${change.put || "nothing"}</bdi>`;
  if (change.kind === "recaption") return html`captioned again by <bdi>${change.model}</bdi>`;
  if (change.kind === "import") return "texts imported";
  return `rejected by ${Object.entries(change.filters ?? {}).map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`).join(", ") || "filters"}`;
}
