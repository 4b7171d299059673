/** A summary whose steps were edited since: says so, and offers a new one made from the steps as they read now. */
import { call } from "../api.js";
import { compared } from "./diff.js";
import { Pieces } from "./marked.js";
import { html, useState } from "./preact.js";
import { useSession } from "./session.js";
import { note } from "./status.js";

/** Why a model that goes by facts makes nothing of an edited step. */
export const BLIND = "The embedded model goes by what was measured and cannot read the steps; a model given by “sg4v web --model” can.";

/** @param {number[]} edited */
export const stepsWere = (edited) => (edited.length === 1 ? `Step ${edited[0] + 1} was` : `Steps ${edited.map((one) => one + 1).join(", ")} were`);

/**
 * @param {{id: string, caption: object, edited: number[], note?: string, save: (text: string, was: string, model: string) => Promise<void>}} props
 *   `edited`: the steps that were edited after the summary; `note`: what else is to be known of it
 */
export function Retell({ id, caption, edited, note: more = "", save }) {
  const session = useSession();
  const [proposed, propose] = useState(null);
  const [busy, work] = useState(false);
  const [chosen, choose] = useState(null);
  if (!edited.length || isOneText(caption)) return null;
  const models = session.models.filter((one) => !one.problem && !one.reads_facts); // one that goes by facts reads no texts
  const model = chosen ?? usual(models, caption.provenance.model);
  const tried = async (what) => {
    work(true);
    try { await what(); } catch (error) { note(error.status === 409 ? "The summary was changed meanwhile: ask again." : error.message, "error"); } finally { work(false); }
  };
  const ask = () => tried(async () => {
    const told = await call("POST", "/v1/summaries", { caption: id, start_seconds: caption.start_seconds, end_seconds: caption.end_seconds, model });
    if (told.problem) return note(`${model} gave no usable summary: ${told.problem}`, "error");
    if (told.text === caption.summary) return note(`${model} tells the same again.`);
    return propose(told.text);
  });
  const take = () => tried(async () => { await save(proposed, caption.summary, model); propose(null); });
  const { b } = compared(caption.summary, proposed ?? "");
  return html`<section class="retell" aria-label="A new summary" aria-live="polite">${proposed === null
    ? html`<p><b>${stepsWere(edited)} edited since.</b> The summary is as it was. ${more}</p>
      ${model ? html`<p class="row"><button disabled=${busy} title="Without the video" onClick=${ask}>${busy ? "Writing" : "New summary from the steps"}</button>
          ${models.length > 1 ? html`<label class="row"><span class="hint">by</span> <select value=${model} onChange=${(event) => choose(event.target.value)}>${models.map((one) => html`<option key=${one.name} value=${one.name}>${one.name}</option>`)}</select></label>` : html`<span class="hint">by <bdi>${model}</bdi></span>`}</p>`
        : html`<p class="hint">Edit it as well. ${BLIND}</p>`}`
    : html`<p><b>From the steps as they read now</b>, by <bdi>${model}</bdi></p><${Pieces} pieces=${b} label="new" />
      <p class="row"><button class="main" disabled=${busy} onClick=${take}>Take this one</button><button disabled=${busy} onClick=${() => propose(null)}>Keep the old one</button></p>`}</section>`;
}

/** Whether the only step is the summary: an edit of one is one of both. */
const isOneText = (caption) => caption.steps.length === 1 && caption.steps[0].text === caption.summary;

/** The model that made the caption where it is there (it writes its version behind its name), else the default. */
function usual(models, wrote) {
  const found = models.find((one) => one.name === wrote || wrote?.startsWith(`${one.name}@`)) ?? models.find((one) => one.default) ?? models[0];
  return found?.name ?? "";
}
