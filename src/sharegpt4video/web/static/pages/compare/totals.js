/** What differs over all videos: measures, claims and findings of A and B, with intervals. */
import { counted } from "../../parts/clock.js";
import { html } from "../../parts/preact.js";

const KINDS = { thing: "Things", colour: "Colours", action: "Actions", number: "Numbers", text: "Quoted texts" };
const NAMES = { "cost, US dollars": "cost", "only here": "claims of its own" };
const UNITS = { "cost, US dollars": "$" };

/** @param {{totals: object}} props the answer of `/v1/compare` */
export function Totals({ totals }) {
  return html`<section class="totals" aria-label="Totals">
    <div class="sides">${["a", "b"].map((side) => html`<${Side} key=${side} letter=${side.toUpperCase()} side=${totals[side]} videos=${totals.videos} />`)}</div>
    <${Differs} differs=${totals.differs} />
    <div class="tables"><${Table} title="For each video" rows=${totals.measures.filter((one) => one.a || one.b).map((one) => ({ name: NAMES[one.name] ?? one.name, unit: UNITS[one.name] ?? "", a: one.a, b: one.b, difference: one.difference, interval: one.interval }))} />
      <div class="tables"><${Findings} findings=${totals.findings} videos=${totals.videos} /><${Claims} claims=${totals.claims} /></div></div>
  </section>`;
}

function Side({ letter, side, videos }) {
  const parts = [side.model, side.tokens > 0 && `${side.tokens.toLocaleString("en")} tokens`, side.cost !== null && `$${side.cost.toLocaleString("en", { maximumFractionDigits: side.cost < 1 ? 4 : 2 })}`,
    side.with_facts < videos && `facts of ${counted(side.with_facts, "video")}`, side.alone > 0 && `${counted(side.alone, "video")} more that the other has not`];
  return html`<div><h2><span class="letter">${letter}</span> <bdi>${side.name}</bdi></h2><p class="hint">${parts.filter(Boolean).join(" · ")}</p></div>`;
}

/** What made the two differ, beside the model. @param {{differs: {name: string, a: string, b: string}[]}} props */
function Differs({ differs }) {
  if (!differs.length) return html`<p class="hint">Made with the same prompts and settings.</p>`;
  return html`<details class="differs" open=${differs.length <= 4}><summary>${counted(differs.length, "setting")} ${differs.length === 1 ? "differs" : "differ"}</summary>
    <table><thead><tr><th scope="col"><span class="unseen">Setting</span></th><th scope="col">A</th><th scope="col">B</th></tr></thead>
      <tbody>${differs.map((one) => html`<tr key=${one.name}><th scope="row"><bdi>${one.name.replaceAll("_", " ").replace(".", ": ")}</bdi></th><td><bdi>${one.a}</bdi></td><td><bdi>${one.b}</bdi></td></tr>`)}</tbody></table></details>`;
}

/** A dot for the mean difference, a bar for its interval, a line for none. */
function Interval({ difference, interval }) {
  const [low, high] = interval ?? [difference, difference];
  const reach = Math.max(Math.abs(low), Math.abs(high)) || 1;
  const place = (value) => 50 + (46 * value) / reach;
  const sure = interval && (low > 0 || high < 0);
  return html`<svg class=${`interval ${sure ? "sure" : ""}`} viewBox="0 0 100 16" aria-hidden="true"><path d="M50 1V15" class="none" /><path d=${`M${place(low)} 8H${place(high)}`} class="bar" /><circle cx=${place(difference)} cy="8" r="3.4" /></svg>`;
}

function Table({ title, rows }) {
  return html`<table><caption>${title}</caption><thead><tr><th scope="col"><span class="unseen">What</span></th><th scope="col">A</th><th scope="col">B</th><th scope="col">B − A</th><th scope="col" class="wide-only">95 % interval</th></tr></thead>
    <tbody>${rows.map((row) => html`<tr key=${row.name}><th scope="row">${row.name}</th><td>${row.unit}${number(row.a)}</td><td>${row.unit}${number(row.b)}</td><td>${signed(row.difference)}</td>
      <td class="wide-only"><${Interval} difference=${row.difference} interval=${row.interval} /><span class="hint">${row.interval ? `${signed(row.interval[0])} to ${signed(row.interval[1])}` : "one video only"}</span></td></tr>`)}</tbody></table>`;
}

function Findings({ findings, videos }) {
  if (!findings.length) return html`<p class="hint nothing">No check found anything on either side.</p>`;
  return html`<${Table} title="Findings, for each 100 videos" rows=${findings.map((one) => ({ name: one.check, unit: "", a: (100 * one.a) / videos, b: (100 * one.b) / videos, difference: (100 * (one.b - one.a)) / videos, interval: one.per_video?.map((bound) => 100 * bound) }))} />`;
}

function Claims({ claims }) {
  return html`<table class="claims"><caption>What they say, over all videos</caption><thead><tr><th scope="col"><span class="unseen">Kind</span></th><th scope="col">only A</th><th scope="col">both</th><th scope="col">only B</th></tr></thead>
    <tbody>${claims.map((one) => html`<tr key=${one.kind}><th scope="row">${KINDS[one.kind] ?? one.kind}</th><td>${one.only_a.toLocaleString("en")}</td><td>${one.both.toLocaleString("en")}</td><td>${one.only_b.toLocaleString("en")}</td></tr>`)}</tbody></table>`;
}

function number(value) {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

const signed = (value) => (value > 0 ? `+${number(value)}` : number(value).replace("-", "−"));
