/** The re-caption page: a short prompt in, the dense one out; what became of each fact, what was invented, and what it costs an encoder. */
import { call } from "../api.js";
import { Choice, defaultChoice } from "../parts/choice.js";
import { Icon } from "../parts/icons.js";
import { Marked } from "../parts/marked.js";
import { html, useRef, useState } from "../parts/preact.js";
import { useSession } from "../parts/session.js";
import { announce, attempt, copy } from "../parts/status.js";

const EXAMPLES = ["a dog runs on the beach", "a red car drives through a city at night", "two people dance in the rain, slow motion"];
const STANDINGS = ["kept", "near", "lost", "contradicted"];
const counted = (facts, standing) => facts.filter((one) => one.standing === standing).length;
/** What was asked last stays while the page is open, whatever tab is shown. */
let kept = { prompt: "", answer: null };

export function Page() {
  const session = useSession();
  const field = useRef(null);
  const [prompt, write] = useState(kept.prompt);
  const [answer, set] = useState(kept.answer);
  const [busy, work] = useState(false);
  const [choice, choose] = useState(() => defaultChoice(session));
  const [encoder, setEncoder] = useState(session.encoders[0]?.name ?? "");
  const ask = async (text, with_encoder = encoder) => {
    if (!text.trim() || busy) return;
    work(true);
    announce("Writing the dense prompt.");
    const found = await attempt(() => call("POST", "/v1/recaption", { prompt: text, model: choice.model, ...(with_encoder ? { encoder: with_encoder } : {}) }));
    work(false);
    if (!found) return;
    kept = { prompt: text, answer: { ...found, prompt: text, model: choice.model } };
    set(kept.answer);
    announce(`Done. ${STANDINGS.map((one) => `${counted(found.facts, one)} ${one}`).join(", ")}, ${found.invented.length} invented.`);
  };
  const keys = (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask(prompt); };
  const another = (event) => { setEncoder(event.target.value); if (answer) ask(answer.prompt, event.target.value); };
  return html`<div class="recaption"><header><h1>A short prompt, made dense</h1><p class="hint">For text-to-video models that were trained on long captions.${session.profile && html` Written like ${session.profile.captions.toLocaleString("en")} captions of <bdi>${session.profile.source}</bdi>.`}</p></header>
    <form class="card ask-for" onSubmit=${(event) => { event.preventDefault(); ask(prompt); }}>
      <label class="unseen" for="prompt">Prompt</label>
      <textarea id="prompt" ref=${field} rows="3" dir="auto" maxlength="2000" placeholder="What should the video show?" value=${prompt} onInput=${(event) => { write(event.target.value); kept.prompt = event.target.value; }} onKeyDown=${keys}></textarea>
      ${!prompt && html`<p class="row">${EXAMPLES.map((one) => html`<button key=${one} type="button" class="example" onClick=${() => { write(one); field.current.focus(); }}>${one}</button>`)}</p>`}
      <div class="row"><${Choice} choice=${choice} onChoose=${choose} modes=${false} />
        ${session.encoders.length > 0 && html`<div class="choice"><label><span>Encoder</span><select value=${encoder} onChange=${another}>${session.encoders.map((one) => html`<option key=${one.name} value=${one.name} title=${one.used_by}>${one.name}: ${one.used_by}</option>`)}</select></label></div>`}
        <span class="grow"></span><button class="main" disabled=${busy || !prompt.trim()}>${busy ? "Writing…" : "Make it dense"}</button></div>
    </form>
    ${answer && html`<${Result} answer=${answer} />`}
  </div>`;
}

/** Why a result is not what a model wrote, or adds nothing: the embedded model never does, another one may have failed to. */
function Note({ answer }) {
  if (answer.by === "rules" && answer.attempts.length) return html`<div class="problem-note tries" role="note"><p><b>Your own words, put into sentences.</b> What <bdi>${answer.model}</bdi> wrote cannot be used, also at the second try:</p>
    ${answer.attempts.map((one, at) => html`<details key=${at}><summary>${at ? "Second" : "First"} try: ${one.problems.join("; ")}</summary><p class="marked" dir="auto">${one.text}</p></details>`)}</div>`;
  if (answer.invented.length || answer.problem) return null;
  const what = "Nothing was added: these are your own words, put into sentences.";
  return html`<p class="hint" role="note">${answer.model === "embedded" ? `${what} The embedded model knows only what you wrote; choose another model for a dense prompt.` : what}</p>`;
}

function Result({ answer }) {
  const spans = (items, where, kind) => items.map((one) => ({ start: one[where][0], end: one[where][1], kind, label: kind }));
  const facts = answer.facts.map((one) => ({ start: one.in_prompt[0], end: one.in_prompt[1], kind: one.standing, label: `${one.number}, ${one.standing}` }));
  const shown = STANDINGS.map((one) => [one, counted(answer.facts, one)]).filter(([one, count]) => count || one === "kept" || one === "lost");
  return html`<section class="result" aria-label="Result">
    <ul class="legend counts">${shown.map(([one, count]) => html`<li key=${one}><mark class=${one}>${one}</mark> ${count}</li>`)}<li><mark class="invented">invented</mark> ${answer.invented.length}</li></ul>
    <${Note} answer=${answer} />
    <div class="texts"><section class="card" aria-label="Your prompt"><header><h2>Your prompt</h2></header>
        <${Marked} text=${answer.prompt} spans=${facts} /><${Facts} answer=${answer} /></section>
      <section class="card dense" aria-label="Dense prompt"><header><h2>Dense prompt</h2><span class="grow"></span>
          <button class="plain" aria-label="Copy the dense prompt" title="Copy" onClick=${() => copy(answer.text)}><${Icon} name="copy" /></button></header>
        <${Marked} text=${answer.text} spans=${[...spans(answer.kept, "in_text", "kept"), ...spans(answer.invented, "in_text", "invented")]} />
        ${answer.tokens && html`<${Tokens} tokens=${answer.tokens} />`}</section></div>
  </section>`;
}

/** What the prompt asks for, point by point, and how each stands in the dense one. */
function Facts({ answer }) {
  const text = (number) => answer.facts.find((one) => one.number === number)?.text;
  return html`<ol class="points" aria-label="What it asks for">${answer.facts.map((one) => html`<li key=${one.number}><b>${one.number}</b> <span class="hint">${one.kind}</span> <span dir="auto">${one.kind === "whole" ? "the whole text" : one.text}</span>
      ${" "}<mark class=${one.standing}>${one.standing}</mark>${one.reason && html` <span class="hint reason">${one.reason}</span>`}</li>`)}</ol>
    ${answer.swapped.map(([first, second]) => html`<p key=${second} class="problem-note"><b>Another order:</b> “${text(first)}” comes before “${text(second)}” in your prompt.</p>`)}`;
}

/** How much of what an encoder reads the text takes. Whatever is beyond its limit is cut off by the encoder. */
function Tokens({ tokens }) {
  const over = tokens.limit ? tokens.text - tokens.limit : 0;
  const about = tokens.estimated ? "about " : "";
  const text = tokens.limit ? `${about}${tokens.text} of ${tokens.limit} tokens of ${tokens.encoder}` : `${about}${tokens.text} tokens of ${tokens.encoder}`;
  return html`<div class=${over > 0 ? "tokens over" : "tokens"}>
    ${tokens.limit && html`<meter min="0" max=${tokens.limit} high=${tokens.limit} value=${Math.min(tokens.text, tokens.limit)} aria-label="Tokens"></meter>`}
    <p class="hint">${text}; the prompt had ${about}${tokens.prompt}.</p>
    ${over > 0 && html`<p class="problem-note"><b>Too long:</b> the encoder cuts off the last ${about}${over} tokens.</p>`}</div>`;
}
