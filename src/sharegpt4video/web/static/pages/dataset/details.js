/** What is known of a caption beside its texts: what was measured in a step, the filters, where it comes from, reviews. */
import { clock, spanText } from "../../parts/clock.js";
import { compared } from "../../parts/diff.js";
import { Pieces } from "../../parts/marked.js";
import { html } from "../../parts/preact.js";

/** Findings of one place: a step, or null for the summary and the whole. @param {{findings: object[]}} props */
export function Findings({ findings }) {
  return findings.map((one, at) => html`<p key=${at} class="problem-note finding"><b>${one.check}</b> ${one.reason}</p>`);
}

/** What was measured while a step lasts. @param {{lanes: import("../../parts/lanes.js").Lane[], step: object, number: number}} props */
export function Measured({ lanes, step, number }) {
  const rows = lanes.map((lane) => [lane.name, lane.spans.filter((one) => one.start < step.end_seconds && one.end > step.start_seconds)]).filter(([, spans]) => spans.length);
  return html`<section class="card measured" aria-label="Measured"><h2>Measured in step ${number + 1} <span class="time">${spanText(step.start_seconds, step.end_seconds)}</span></h2>
    ${rows.length ? html`<dl class="pairs">${rows.map(([name, spans]) => html`<div key=${name}><dt><bdi>${name}</bdi></dt><dd>${spans.map((one) => html`<span><span class="time">${clock(one.start)}</span> <bdi>${[one.text, one.note].filter(Boolean).join(", ")}</bdi></span>`)}</dd></div>`)}</dl>` : html`<p class="hint">Nothing but the look of one frame.</p>`}
  </section>`;
}

/** @param {{whole: import("./captions.js").Whole}} props */
export function About({ whole }) {
  const { provenance: from, selection, caption, reviews } = whole;
  const cost = [from.requests && `${from.requests} requests`, from.input_tokens && `${from.input_tokens.toLocaleString("en")} tokens in, ${from.output_tokens.toLocaleString("en")} out`, from.cost_usd !== null && `$${from.cost_usd.toFixed(4)}`];
  const rows = [
    ["Video", `${clock(caption.end_seconds - caption.start_seconds)}, ${caption.width}×${caption.height}, ${caption.mode}`],
    ["Model", from.model], ["Prompts", `${from.prompt_set} ${from.prompt_hash}`], ["Version", from.version], ["Cost", cost.filter(Boolean).join(", ") || "none"],
    ["Filters", selection ? (selection.kept ? `kept${selection.split ? `, split ${selection.split}` : ""}` : `dropped: ${selection.reason || selection.gate}`) : "not applied yet"],
    ["Revision", whole.revision || ""], ["Id", whole.id],
  ].filter(([, text]) => text !== "");
  return html`<section class="card about-it" aria-label="About this caption">
    <details><summary><h2>Where it comes from</h2></summary><dl class="pairs">${rows.map(([name, text]) => html`<div key=${name}><dt>${name}</dt><dd><bdi>${text}</bdi></dd></div>`)}</dl></details>
    <details open=${reviews.length > 0}><summary><h2>Reviews <span class="time">${reviews.length || "none yet"}</span></h2></summary>
      <ol class="reviews">${[...reviews].reverse().map((one) => html`<${Review} key=${one.id} review=${one} />`)}</ol></details>
  </section>`;
}

function Review({ review }) {
  const where = review.step === null ? "the summary" : `step ${review.step + 1}`;
  const what = [review.text !== null && `changed ${where}`, review.verdict === "accept" && "accepted", review.verdict === "reject" && "rejected", review.verdict === "" && "withdrew the verdict"].filter(Boolean).join(", ");
  const pieces = review.text !== null && compared(review.was, review.text).b;
  return html`<li class=${review.counts ? "" : "undone"}><p><b><bdi>${review.author || "Somebody"}</bdi></b> ${what}${review.model && html` by <bdi>${review.model}</bdi>`}${review.batch && " (bulk)"}${!review.counts && ", undone"}
    <span class="time">${new Date(review.time * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}</span></p>
    ${pieces && html`<${Pieces} pieces=${pieces} label="new" />`}</li>`;
}
