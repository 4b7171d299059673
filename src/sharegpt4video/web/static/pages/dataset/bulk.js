/** Changes of many captions at once: tried on ten first, made as one batch, and undone as one. */
import { call } from "../../api.js";
import { counted } from "../../parts/clock.js";
import { compared } from "../../parts/diff.js";
import { Dialog } from "../../parts/dialog.js";
import { Pieces } from "../../parts/marked.js";
import { html, useState } from "../../parts/preact.js";
import { useSession } from "../../parts/session.js";
import { attempt, note } from "../../parts/status.js";
import { author } from "./author.js";
import { Batches, useBatches } from "./batches.js";
import { asWords } from "./query.js";

const KINDS = [["replace", "Search and replace"], ["recaption", "Caption again"], ["filter", "Reject by a filter"]];
const FILTERS = [["max_findings", "Findings, at most"], ["min_seconds", "Seconds, at least"], ["max_seconds", "Seconds, at most"], ["min_side_pixels", "Shorter side in pixels, at least"],
  ["min_motion", "Motion, at least"], ["max_motion", "Motion, at most"], ["min_sharpness", "Sharpness, at least"], ["max_cuts_per_minute", "Cuts a minute, at most"],
  ["max_black_share", "Share of black, at most"], ["max_frozen_share", "Share of still, at most"], ["max_text_area", "Share under text, at most"]];

/** @param {{query: import("./query.js").Query, onClose: () => void, onChanged: () => void}} props */
export function Bulk({ query, onClose, onChanged }) {
  const session = useSession();
  const [kind, choose] = useState("replace");
  const [fields, fill] = useState({ find: "", with: "", regex: false, model: session.models[0]?.name ?? "", filter: "max_findings", bound: "0" });
  const [name, setName] = useState(author() ?? "");
  const [tried, setTried] = useState(null);
  const [busy, work] = useState(false);
  const [batches, ask] = useBatches(onChanged);
  const set = (part) => { fill((old) => ({ ...old, ...part })); setTried(null); };
  const post = async (preview) => {
    work(true);
    const answer = await attempt(() => call("POST", "/v1/dataset/bulk", { change: changeOf(kind, fields), q: query.q, where: query.where, preview, author: name }));
    work(false);
    return answer;
  };
  const preview = async (event) => { event.preventDefault(); setTried(await post(true) ?? null); };
  const apply = async () => {
    if (!await post(false)) return;
    setTried(null);
    note("Started. The list below shows its progress.");
    ask();
  };
  const narrowed = [query.q && `“${query.q}”`, ...query.where.map(asWords)].filter(Boolean).join(", ");
  return html`<${Dialog} title="Change many captions" wide onClose=${onClose}><form onSubmit=${preview}>
      <p>${narrowed ? html`Only captions that are left by <b><bdi>${narrowed}</bdi></b>.` : "All captions of the data set. Narrow the list first to change fewer."}</p>
      <fieldset class="segments"><legend class="unseen">Change</legend>${KINDS.map(([value, title]) => html`<label key=${value}><input type="radio" name="kind" checked=${kind === value} onChange=${() => { choose(value); setTried(null); }} /><span>${title}</span></label>`)}</fieldset>
      <${Fields} kind=${kind} fields=${fields} set=${set} models=${session.models} />
      ${author() === null && html`<label class="field"><span>Your name</span><input value=${name} maxlength="200" onInput=${(event) => setName(event.target.value)} /></label>`}
      <p class="row end"><button disabled=${busy}>${busy && !tried ? "Trying" : "Preview"}</button><button type="button" class="main" disabled=${busy || !tried?.total} onClick=${apply}>${tried ? `Change ${counted(tried.total, "text")}` : "Change"}</button></p></form>
    ${tried && html`<${Examples} tried=${tried} />`}
    <${Batches} batches=${batches} ask=${ask} onChanged=${onChanged} />
  <//>`;
}

function changeOf(kind, { find, with: put, regex, model, filter, bound }) {
  if (kind === "replace") return { kind, find, with: put, regex };
  if (kind === "recaption") return { kind, model };
  return { kind, filters: { [filter]: Number(bound) } };
}

function Fields({ kind, fields, set, models }) {
  if (kind === "recaption") return html`<label class="field"><span>Model</span><select value=${fields.model} onChange=${(event) => set({ model: event.target.value })}>${models.map((one) => html`<option key=${one.name} value=${one.name}>${one.name}</option>`)}</select></label>
    <p class="hint">The texts are told again from the stored facts, without the videos.</p>`;
  if (kind === "filter") return html`<div class="two-fields"><label class="field"><span>Filter</span><select value=${fields.filter} onChange=${(event) => set({ filter: event.target.value })}>${FILTERS.map(([value, title]) => html`<option key=${value} value=${value}>${title}</option>`)}</select></label>
    <label class="field"><span>Bound</span><input type="number" step="any" required value=${fields.bound} onInput=${(event) => set({ bound: event.target.value })} /></label></div>
    <p class="hint">What the filter would drop is rejected; exports leave it out.</p>`;
  return html`<div class="two-fields"><label class="field"><span>Find</span><input required maxlength="2000" autocomplete="off" spellcheck=${false} value=${fields.find} onInput=${(event) => set({ find: event.target.value })} autofocus /></label>
    <label class="field"><span>Put instead</span><input maxlength="2000" autocomplete="off" value=${fields.with} onInput=${(event) => set({ with: event.target.value })} /></label></div>
    <label class="check"><input type="checkbox" checked=${fields.regex} onChange=${() => set({ regex: !fields.regex })} /> Regular expression</label>`;
}

function Examples({ tried }) {
  const left = Object.entries(tried.skipped);
  return html`<section class="examples" aria-label="Preview" aria-live="polite"><h3>${tried.total ? `${counted(tried.total, "text")} would change${tried.total > tried.examples.length ? `; ${tried.examples.length} of them` : ""}` : "Nothing would change"}</h3>
    ${left.length > 0 && html`<p class="hint">${left.map(([why, count]) => `${count.toLocaleString("en")} left out: ${why}`).join("; ")}</p>`}
    <ol>${tried.examples.map((one) => { const { a, b } = compared(one.before, one.after); return html`<li key=${`${one.id} ${one.step}`}><p class="hint">${one.step === null ? "Summary" : `Step ${one.step + 1}`}</p>
      ${one.before === one.after ? html`<p class="words" dir="auto">${one.before}</p>` : html`<div class="both"><${Pieces} pieces=${a} label="before" /><${Pieces} pieces=${b} label="after" /></div>`}</li>`; })}</ol></section>`;
}
