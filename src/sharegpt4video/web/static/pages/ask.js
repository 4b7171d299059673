/** The ask page: a conversation about a video. Answers come word by word, with the frames the model saw. */
import { streamed } from "../api.js";
import { Choice } from "../parts/choice.js";
import { clock, spanText } from "../parts/clock.js";
import { Icon } from "../parts/icons.js";
import { useMediaInfo } from "../parts/media.js";
import { DropAnywhere, Opening, useOpening } from "../parts/opening.js";
import { Player } from "../parts/player.js";
import { usePlayback } from "../parts/playback.js";
import { html, useEffect, useRef, useState } from "../parts/preact.js";
import { address, go } from "../parts/route.js";
import { useSession } from "../parts/session.js";
import { announce } from "../parts/status.js";

const IDEAS = ["What happens, in order?", "Who is in it, and what do they do?", "How does the camera move?"];
const NO_STEPS = [];

/** @param {{args: string[]}} props args: the video, and the start and end of the part that is meant */
export function Page({ args: [media = "", start = "", end = ""] }) {
  const opening = useOpening((id) => go("ask", id));
  return html`${media
      ? html`<${Conversation} key=${media} media=${media} part=${end ? { start: Number(start), end: Number(end) } : null} />`
      : html`<div class="welcome"><h1>Ask about <em>any video</em></h1><${Opening} opening=${opening} /></div>`}
    <${DropAnywhere} open=${opening.openFile} text="Drop it and ask" />`;
}

function Conversation({ media, part }) {
  const session = useSession();
  const models = session.models.filter((one) => one.sees_images);
  const info = useMediaInfo(media);
  const playback = usePlayback(media);
  const [choice, choose] = useState({ model: (models.find((one) => one.default) ?? models[0]).name, mode: "sliding" });
  const { turns, busy, ask, stop, clear } = useTurns(media, choice.model, part);
  const field = useRef(null), list = useRef(null);
  useEffect(() => { if (list.current) list.current.scrollTop = list.current.scrollHeight; }, [turns]);
  const submit = (event) => {
    event?.preventDefault();
    if (ask(field.current.value)) field.current.value = "";
  };
  const keys = (event) => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event); };
  const span = { start: part?.start ?? 0, end: part?.end ?? info?.seconds ?? 1 };
  return html`<div class="talk"><header class="bar"><div class="what"><h1><bdi>${info?.name ?? "…"}</bdi></h1>
      ${part && html`<p class="about">About ${spanText(part.start, part.end)} <a href=${address("ask", media)}>Ask about all of it</a></p>`}</div>
      <div class="row actions">${turns.length > 0 && html`<button onClick=${clear}>Start over</button>`}<a class="button" href="#ask"><${Icon} name="add" /> New video</a></div></header>
    <div class="stage">${info && html`<${Player} playback=${playback} src=${`/v1/media/${media}`} name=${info.name} steps=${NO_STEPS} span=${{ ...span, end: info.seconds }} playable=${info.playable || info.preview} subtitled=${false} />`}</div>
    <section class="conversation" aria-label="Conversation">
      <ol class="turns" ref=${list} tabindex="0" aria-label="Questions and answers">${turns.map((turn, at) => html`<${Turn} key=${at} turn=${turn} playback=${playback} />`)}
        ${!turns.length && html`<li class="ideas"><p class="hint">Ask anything, or start with one of these:</p>${IDEAS.map((one) => html`<button key=${one} onClick=${() => ask(one)}>${one}</button>`)}</li>`}</ol>
      <form class="question" onSubmit=${submit}><textarea ref=${field} rows="1" dir="auto" maxlength="4000" aria-label="Question" placeholder="Ask about the video" onKeyDown=${keys}></textarea>
        ${busy ? html`<button type="button" onClick=${stop}>Stop</button>` : html`<button class="round" aria-label="Ask"><${Icon} name="send" /></button>`}</form>
      <${Choice} choice=${choice} onChoose=${choose} modes=${false} models=${models} />
    </section></div>`;
}

function Turn({ turn, playback }) {
  return html`<li class="turn"><p class="asked" dir="auto"><span class="unseen">Question: </span>${turn.question}</p>
    <div class="answer">${turn.frames.length > 0 && html`<div class="seen" role="group" aria-label=${`The ${turn.frames.length} frames it saw`}>${turn.frames.map((one) => html`
        <button key=${one.seconds} class="thumb" aria-label=${`Jump to ${clock(one.seconds)}`} onClick=${() => playback.seek(one.seconds)}><img src=${one.picture} alt="" loading="lazy" /><b>${clock(one.seconds)}</b></button>`)}</div>`}
      ${turn.answer ? html`<p class=${turn.done ? "words" : "words writing"} dir="auto">${turn.answer}</p>` : !turn.problem && html`<p class="waiting">Looking</p>`}
      ${turn.problem && html`<p class="problem-note"><b>No answer:</b> ${turn.problem}</p>`}</div></li>`;
}

/** The turns of a conversation, kept for a reload of the page (for as long as the browser's tab is open). */
function useTurns(media, model, part) {
  const key = `sg4v ask ${media}`;
  const [turns, set] = useState(() => { try { return JSON.parse(sessionStorage.getItem(key)) ?? []; } catch { return []; } });
  const [controller, control] = useState(null);
  const latest = useRef(null);
  useEffect(() => {
    try { sessionStorage.setItem(key, JSON.stringify(turns.filter((turn) => turn.done))); } catch { /* full or forbidden: then a reload forgets */ }
  }, [turns]);
  useEffect(() => () => latest.current?.abort(), []);
  const change = (what) => set((old) => [...old.slice(0, -1), { ...old.at(-1), ...(typeof what === "function" ? what(old.at(-1)) : what) }]);
  const ask = (question) => {
    const text = question.trim();
    if (!text || controller) return false;
    const history = turns.filter((turn) => turn.done && !turn.problem).map((turn) => ({ question: turn.question, answer: turn.answer }));
    set([...turns, { question: text, answer: "", frames: [], problem: "", done: false }]);
    const abort = new AbortController();
    latest.current = abort;
    control(abort);
    announce("Looking at the video.");
    const body = { media, question: text, model, history, ...(part ? { start_seconds: part.start, end_seconds: part.end } : {}) };
    listen(streamed("/v1/ask", body, abort.signal), change).finally(() => { change({ done: true }); control(null); });
    return true;
  };
  return { turns, busy: Boolean(controller), ask, stop: () => controller?.abort(), clear: () => { controller?.abort(); set([]); } };
}

async function listen(events, change) {
  let ended = false;
  try {
    for await (const { event, data } of events) {
      if (event === "frames") change({ frames: data.frames });
      else if (event === "text" || event === "delta") change((turn) => ({ answer: turn.answer + data.delta }));
      else if (event === "done") { ended = true; change({ answer: data.text }); announce(data.text); }
      else if (event === "failed") { ended = true; change({ problem: data.message }); announce(`No answer: ${data.message}`); }
    }
    if (!ended) change({ problem: "The answer broke off. Ask again." });
  } catch (error) {
    change({ problem: error.name === "AbortError" ? "Stopped." : error.message });
  }
}
