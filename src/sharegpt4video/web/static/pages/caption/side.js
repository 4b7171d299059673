/** Two captions of one video: both summaries word by word, then their steps in rows of the same time. */
import { clock } from "../../parts/clock.js";
import { aligned, compared } from "../../parts/diff.js";
import { Pieces } from "../../parts/marked.js";
import { useMoment } from "../../parts/playback.js";
import { html, useMemo, useState } from "../../parts/preact.js";
import { Warnings } from "../../parts/warnings.js";
import { State } from "./bar.js";
import { isRunning } from "./job.js";

/** @param {{first: import("./job.js").Job, second: import("./job.js").Job, playback: object}} props */
export function SideBySide({ first, second, playback }) {
  const [onlyDifferent, show] = useState(false);
  const ended = !isRunning(first) && !isRunning(second); // before that, nothing can be said of what one of them lacks
  const rows = useMemo(() => aligned(first.steps, second.steps).map((row) => {
    const [a, b] = [row.a.map((at) => first.steps[at].text).join(" "), row.b.map((at) => second.steps[at].text).join(" ")];
    return { ...row, ...verdict(a, b, ended), same: ended && a === b };
  }), [first.steps, second.steps, ended]);
  const shown = onlyDifferent && ended ? rows.filter((row) => !row.same) : rows;
  const now = useMoment(playback, (one) => rows.findLastIndex((row) => row.start <= one.time + 0.02));
  const summaries = useMemo(() => verdict(first.summary, second.summary, ended), [first.summary, second.summary, ended]);
  const different = rows.filter((row) => !row.same).length;
  return html`<section class="beside" aria-label="Side by side"><div class="legend">${ended
        ? html`<p><mark class="only">Marked words</mark> are in one of the two only.</p><span class="grow"></span>
      <label class="check"><input type="checkbox" checked=${onlyDifferent} onChange=${() => show(!onlyDifferent)} /> Only what differs (${different} of ${rows.length})</label>`
        : html`<p class="waiting">What differs is marked once both are done</p>`}</div>
    <div class="pair heads"><${Head} letter="A" job=${first} /><${Head} letter="B" job=${second} /></div>
    <div class="pair summaries">${[["A", first, summaries.a], ["B", second, summaries.b]].map(([letter, job, pieces]) => html`<div class="card"><h3>Summary</h3>
      ${job.summary ? html`<${Pieces} pieces=${pieces} label=${`only in ${letter}`} />` : html`<p class="waiting">${job.status === "done" ? "none" : "Not there yet"}</p>`}</div>`)}</div>
    <ol class="rows">${shown.map((row) => html`<li key=${`${row.start} ${row.end}`} class=${`${rows[now] === row ? "now" : ""} ${row.same ? "same" : ""}`} aria-current=${rows[now] === row ? "step" : null}>
      <button class="chip" aria-label=${`Jump to ${clock(row.start)}`} onClick=${() => playback.seek(row.start)}>${clock(row.start)}</button>
      <div class="pair">${[["A", first, row.a], ["B", second, row.b]].map(([letter, job, pieces]) => html`<div><span class="letter">${letter}</span>${pieces.length ? html`<${Pieces} pieces=${pieces} label=${`only in ${letter}`} />` : isRunning(job) ? html`<p class="waiting">Not there yet</p>` : html`<p class="nothing">nothing here</p>`}</div>`)}</div>
    </li>`)}</ol>
  </section>`;
}

/** The texts with what only one of them says; not marked while one is still being written. */
function verdict(a, b, ended) {
  if (ended) return compared(a, b);
  return { a: plain(a), b: plain(b) };
}

const plain = (text) => (text ? [{ text, mark: "same" }] : []);

function Head({ letter, job }) {
  const caption = job.caption;
  return html`<div><h2><span class="letter">${letter}</span> ${caption ? `${caption.provenance.model}, ${caption.mode}` : "…"}</h2><p><${State} job=${job} /> <a href=${`#caption/${job.id}`}>Open alone</a></p><${Warnings} caption=${caption} /></div>`;
}
