/** The chosen span: what happens in it, in one text, written at once from the steps; the video is not read again. */
import { call } from "../../api.js";
import { spanText } from "../../parts/clock.js";
import { Icon } from "../../parts/icons.js";
import { html, useEffect, useRef, useState } from "../../parts/preact.js";
import { BLIND, stepsWere } from "../../parts/retell.js";
import { go } from "../../parts/route.js";
import { useSession } from "../../parts/session.js";
import { announce, copy } from "../../parts/status.js";

const SETTLED_MS = 250;

/**
 * @param {{caption: string, media: string, selection: {start: number, end: number, moving?: boolean}, playback: object, ready: boolean, whole: object|null, onClose: () => void}} props
 *   `whole`: the caption once it is finished
 */
export function Clip({ caption, media, selection, playback, ready, whole, onClose }) {
  const session = useSession();
  const [answer, set] = useState(null);
  const { start, end, moving } = selection;
  const card = useRef(null);
  const inside = (whole?.steps ?? []).map((step, at) => ({ ...step, at })).filter((step) => step.start_seconds < end && (step.end_seconds > start || step.start_seconds >= start));
  const told = inside.map((step) => step.text).join("\n"); // told anew when a step is edited, and when all of them are there
  const edited = inside.map((step) => step.at).filter((at) => whole.edits.some((one) => one.step === at));
  const isBlind = session.models.find((one) => one.default)?.reads_facts;
  useEffect(() => { if (!moving) card.current.scrollIntoView({ block: "nearest" }); }, [Boolean(moving), Boolean(answer)]);
  useEffect(() => {
    set(null);
    if (moving || !ready) return undefined;
    const controller = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const found = await call("POST", "/v1/summaries", { caption, start_seconds: start, end_seconds: end }, controller.signal);
        set(found);
        announce(`Clip ${spanText(start, end)}: ${found.text}`);
      } catch (error) {
        if (error.name !== "AbortError") set({ text: "", problem: error.message });
      }
    }, SETTLED_MS);
    return () => { clearTimeout(timer); controller.abort(); };
  }, [caption, start, end, Boolean(moving), ready, told]);
  const asks = session.models.some((one) => one.sees_images);
  return html`<section ref=${card} class="card clip" aria-label="Clip"><header><h2>Clip <span class="time">${spanText(start, end)}</span></h2><span class="grow"></span>
      <button class="plain" aria-label="Play the clip" title="Play the clip" onClick=${() => playback.playSpan(start, end)}><${Icon} name="play" /></button>
      ${answer?.text && html`<button class="plain" aria-label="Copy the clip's summary" title="Copy" onClick=${() => copy(answer.text)}><${Icon} name="copy" /></button>`}
      ${asks && html`<button class="plain" aria-label="Ask about the clip" title="Ask about the clip" onClick=${() => go("ask", media, start.toFixed(2), end.toFixed(2))}><${Icon} name="ask" /></button>`}
      <button class="plain" aria-label="Close the clip" title="Close (Esc)" onClick=${onClose}><${Icon} name="close" /></button></header>
    ${answer ? html`${answer.text && html`<p class="words" dir="auto">${answer.text}</p>`}${answer.problem && html`<p class="problem-note"><b>Not to be trusted:</b> ${answer.problem}</p>`}
        ${answer.text && isBlind && edited.length > 0 && html`<p class="hint" role="note"><b>${stepsWere(edited)} edited,</b> and this says nothing of it. ${BLIND}</p>`}`
      : html`<p class="waiting">${moving ? "Let go for its summary" : ready ? "Summing up" : "Waiting for the first steps"}</p>`}
  </section>`;
}
