/** The steps as chapters: a picture, the time, the text. The one that plays lights up; keys move a choice of their own. */
import { html, useEffect, useRef, useState } from "./preact.js";
import { clock, spanText } from "./clock.js";
import { Editor } from "./editor.js";
import { Icon } from "./icons.js";
import { useMoment } from "./playback.js";
import { isInstant, pictureOf, stepAt } from "./steps.js";

const READING_MS = 5000;

/**
 * @param {{playback: import("./playback.js").Playback, steps: import("./steps.js").Step[], keyframes: object[], chosen: number, editing: number, coming?: string,
 *   found?: {start_seconds: number, end_seconds: number}[], onStep: (number: number) => void, onEdit?: (number: number) => void,
 *   save?: (number: number, text: string, was: string) => Promise<void>, onTheirs?: (number: number, text: string) => void, extra?: (step: object, number: number) => any}} props
 *   `coming`: what is awaited, shown as a chapter to come; `extra`: what a page adds to a step
 */
export function StepList({ playback, steps, keyframes, chosen, editing, coming, onStep, onEdit, save, onTheirs, extra }) {
  const list = useRef(null);
  const now = useMoment(playback, (one) => stepAt(steps, one.time));
  const paused = useMoment(playback, (one) => one.paused);
  const [away, following] = useFollowing(list, now, paused);
  useEffect(() => { if (chosen >= 0) show(list.current?.children[chosen]); }, [chosen]);
  const leave = (number) => (theirs) => { if (theirs !== undefined) onTheirs?.(number, theirs); onEdit(-1); };
  return html`<div class="chapters">
    <ol class="steps" ref=${list}>${steps.map((step, at) => html`
      <${Chapter} key=${at} step=${step} number=${at} playback=${playback} picture=${pictureOf(step, keyframes)} now=${at === now} chosen=${at === chosen} onStep=${() => onStep(at)} onEdit=${onEdit && (() => onEdit(at))}>
        ${editing === at ? html`<${Editor} text=${step.text} label=${`Text of step ${at + 1}`} save=${(text, was) => save(at, text, was)} onLeave=${leave(at)} />` : html`<p class="words" dir="auto">${step.text}</p>`}
        ${step.problem && html`<p class="problem-note"><b>Not to be trusted:</b> ${step.problem}</p>`}
        ${extra?.(step, at)}
      <//>`)}
    </ol>
    ${coming && html`<div class="step coming"><span class="thumb"></span><div class="body"><p class="words">${coming}</p></div></div>`}
    ${away && !paused && html`<button class="pill" onClick=${following}>Back to what plays</button>`}
  </div>`;
}

function Chapter({ step, number, playback, picture, now, chosen, onStep, onEdit, children }) {
  const press = (event) => { if (!event.target.closest("button, textarea, a") && !String(getSelection())) onStep(); };
  return html`<li class=${`step ${step.kind} ${now ? "now" : ""} ${chosen ? "chosen" : ""}`} aria-current=${now ? "step" : null} onClick=${press}>
    <button class="thumb" aria-label=${`Step ${number + 1}: jump to ${clock(step.start_seconds)}`} onClick=${onStep}>
      ${picture && html`<img src=${picture.picture} alt="" loading="lazy" />`}${now && !isInstant(step) && html`<${Progress} step=${step} playback=${playback} />`}</button>
    <div class="body"><p class="when"><span><b class="number">${number + 1}</b> ${step.kind === "opening" ? (number ? `Opening, ${clock(step.start_seconds)}` : "Opening") : spanText(step.start_seconds, step.end_seconds)}</span>
      ${onEdit && html`<button class="plain small" aria-label=${`Edit step ${number + 1}`} title="Edit (e)" onClick=${onEdit}><${Icon} name="edit" /></button>`}</p>
      ${children}</div></li>`;
}

/** How much of the step that plays has been shown. */
function Progress({ step, playback }) {
  const bar = useRef(null);
  useEffect(() => playback.subscribe((one) => {
    const share = (one.time - step.start_seconds) / (step.end_seconds - step.start_seconds);
    if (bar.current) bar.current.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  }), [playback, step]);
  return html`<i class="shown" ref=${bar}></i>`;
}

function show(element) { element?.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" }); }

/**
 * Scroll the step that plays into view, unless the reader is elsewhere: has scrolled, touched or focused the list.
 * Returns whether that step is out of sight, and a function to follow again.
 */
function useFollowing(list, now, paused) {
  const read = useRef(0);
  const [away, setAway] = useState(false);
  useEffect(() => {
    const box = list.current.closest("[data-scrolls]") ?? document;
    const reading = () => { read.current = performance.now(); };
    const names = ["wheel", "touchmove", "keydown", "pointerdown"];
    for (const name of names) box.addEventListener(name, reading, { passive: true });
    return () => { for (const name of names) box.removeEventListener(name, reading); };
  }, []);
  useEffect(() => {
    const element = list.current.children[now];
    if (!element || paused) return;
    const reading = performance.now() - read.current < READING_MS || list.current.querySelector("textarea");
    setAway(Boolean(reading));
    const box = list.current.closest("[data-scrolls]");
    if (!reading && box && box.scrollHeight > box.clientHeight) show(element);
  }, [now, paused]);
  return [away, () => { read.current = 0; setAway(false); show(list.current.children[now]); }];
}
