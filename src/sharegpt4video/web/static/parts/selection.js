/** The chosen span on a timeline, with a grip at both ends that moves by pointer and by arrow keys. */
import { html, useRef } from "./preact.js";
import { clock } from "./clock.js";

const LEAST_SECONDS = 0.1;

/** @param {{selection: {start: number, end: number}, span: {start: number, end: number}, box: Function, onSelect: Function}} props */
export function Selection({ selection, span, box, onSelect }) {
  return html`<div class="selection" style=${box(selection.start, selection.end)}>
    <${Grip} side="start" label="Start of the clip" selection=${selection} span=${span} onSelect=${onSelect} />
    <${Grip} side="end" label="End of the clip" selection=${selection} span=${span} onSelect=${onSelect} />
  </div>`;
}

function Grip({ side, label, selection, span, onSelect }) {
  const held = useRef(false);
  const value = selection[side];
  const least = side === "start" ? span.start : selection.start + LEAST_SECONDS;
  const most = side === "start" ? selection.end - LEAST_SECONDS : span.end;
  const moved = (seconds, moving) => onSelect({ start: selection.start, end: selection.end, [side]: Math.min(most, Math.max(least, seconds)), moving });
  const keys = (event) => {
    const by = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1 }[event.key];
    const to = by ? value + by * (event.shiftKey ? 10 : 1) : { Home: least, End: most }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    moved(to, false);
  };
  const secondsAt = (event) => {
    const canvas = event.currentTarget.closest(".canvas").getBoundingClientRect();
    return span.start + ((event.clientX - canvas.left) / canvas.width) * (span.end - span.start);
  };
  return html`<span class=${`grip ${side}`} role="slider" tabindex="0" aria-label=${label} aria-valuemin=${least} aria-valuemax=${most} aria-valuenow=${value} aria-valuetext=${clock(value)}
    onKeyDown=${keys}
    onPointerDown=${(event) => { held.current = true; event.currentTarget.setPointerCapture(event.pointerId); event.stopPropagation(); }}
    onPointerMove=${(event) => held.current && moved(secondsAt(event), true)}
    onPointerUp=${(event) => { if (held.current) { held.current = false; moved(secondsAt(event), false); } }}></span>`;
}
