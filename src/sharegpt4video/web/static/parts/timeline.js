/**
 * The timeline: a film strip of the keyframes, the steps, and lanes of what was measured, all over one axis. Click to
 * jump, drag along the ruler to move through the video, drag anywhere else to choose a span.
 */
import { html, useEffect, useLayoutEffect, useRef, useState } from "./preact.js";
import { clock, spanText } from "./clock.js";
import { useDrag } from "./drag.js";
import { Icon } from "./icons.js";
import { useMoment } from "./playback.js";
import { Selection } from "./selection.js";
import { stepAt } from "./steps.js";

const TICKS_SECONDS = [0.1, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
const TICK_PIXELS = 64;
const MOST_ZOOM = 64;
const FRAME_SECONDS = 2;
const FRAME_PIXELS = 24;

/**
 * @param {{playback: import("./playback.js").Playback, span: {start: number, end: number}, rows: {name: string, steps: import("./steps.js").Step[]}[],
 *   lanes: import("./lanes.js").Lane[], keyframes: object[], marks?: {start_seconds: number, end_seconds: number}[], readTo?: number|null, chosen?: number,
 *   selection?: {start: number, end: number}|null, onSelect?: (span: {start: number, end: number}|null) => void, onStep?: (number: number, row: number) => void}} props
 *   `rows`: one for each caption; `readTo` is null once all of the video has been read
 */
export function Timeline({ playback, span, rows, lanes, keyframes, marks = [], readTo = null, chosen = -1, selection = null, onSelect, onStep }) {
  const canvas = useRef(null), scroller = useRef(null);
  const [zoom, setZoom] = useState(1);
  const [width, setWidth] = useState(600);
  const length = Math.max(span.end - span.start, 0.001);
  const place = (seconds) => `${(100 * (seconds - span.start)) / length}%`;
  const box = (start, end) => ({ left: place(Math.max(start, span.start)), width: `${(100 * (Math.min(end, span.end) - Math.max(start, span.start))) / length}%` });
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => setWidth(canvas.current.clientWidth));
    watch.observe(canvas.current);
    return () => watch.disconnect();
  }, []);
  useFollowing(playback, scroller, zoom, span, length);
  const drag = useDrag({ canvas, span, length, steps: rows[0].steps, onSelect, onSeek: (seconds) => playback.seek(seconds) });
  const frames = thinned(keyframes, (FRAME_PIXELS / width) * length);
  const resize = (by) => setZoom((old) => Math.min(MOST_ZOOM, Math.max(1, old * by)));
  return html`<div class="timeline" role="group" aria-label="Timeline">
    <div class="names" aria-hidden="true"><span class="name tall zoom"></span><span class="name film">frames</span>
      ${rows.map((row) => html`<span class="name">${row.name}</span>`)}
      ${lanes.map((lane) => html`<span class=${`name ${lane.kind} hue${lane.hue}`} title=${lane.name}><i></i><bdi>${lane.name}</bdi></span>`)}</div>
    <div class="scroller" ref=${scroller}><div class="canvas" ref=${canvas} style=${{ width: `${zoom * 100}%` }} ...${drag}>
      <${Ruler} playback=${playback} span=${span} width=${width} place=${place} />
      <div class="strip">${frames.map((one, at) => html`<${Frame} key=${one.number} frame=${one} next=${frames[at + 1]} span=${span} box=${box} onSeek=${() => playback.seek(one.seconds)} />`)}</div>
      ${rows.map((row, at) => html`<${StepRow} key=${row.name} row=${row} playback=${playback} box=${box} chosen=${at === 0 ? chosen : -1} onStep=${(number) => onStep?.(number, at)} />`)}
      ${lanes.map((lane) => html`<div key=${`${lane.kind} ${lane.name}`} class=${`lane ${lane.kind} hue${lane.hue}`} role="group" aria-label=${lane.name}>
        ${lane.spans.map((one) => html`<button key=${one.start} tabindex="-1" class="span" style=${box(one.start, one.end)} title=${[spanText(one.start, one.end), one.text, one.note].filter(Boolean).join("\n")}
          onClick=${() => playback.seek(one.start)}><bdi>${one.text}</bdi></button>`)}</div>`)}
      ${marks.map((one) => html`<i class="mark" style=${box(one.start_seconds, one.end_seconds)}></i>`)}
      ${readTo !== null && readTo < span.end && html`<i class="unread" style=${box(readTo, span.end)}></i>`}
      ${selection && html`<${Selection} selection=${selection} span=${span} box=${box} onSelect=${onSelect} />`}
      <${Head} playback=${playback} span=${span} length=${length} />
    </div></div>
    <div class="zooming"><button class="plain" aria-label="Zoom out" disabled=${zoom <= 1} onClick=${() => resize(0.5)}><${Icon} name="less" /></button>
      <button class="plain" aria-label="Zoom in" disabled=${zoom >= MOST_ZOOM} onClick=${() => resize(2)}><${Icon} name="add" /></button></div>
  </div>`;
}

/** As many of the keyframes as can be told apart: at least so many seconds from one to the next. */
function thinned(keyframes, seconds) {
  const kept = [];
  for (const one of keyframes) if (!kept.length || one.seconds - kept.at(-1).seconds >= seconds) kept.push(one);
  return kept;
}

/** While it plays, a zoomed timeline keeps the playhead in view. */
function useFollowing(playback, scroller, zoom, span, length) {
  useEffect(() => playback.subscribe((one) => {
    const box = scroller.current;
    if (!box || zoom === 1 || one.paused) return;
    const x = ((one.time - span.start) / length) * box.scrollWidth;
    if (x < box.scrollLeft || x > box.scrollLeft + box.clientWidth * 0.9) box.scrollLeft = x - box.clientWidth * 0.1;
  }), [playback, zoom, span.start, length]);
}

function Ruler({ playback, span, width, place }) {
  const length = span.end - span.start;
  const every = TICKS_SECONDS.find((one) => (one / length) * width >= TICK_PIXELS) ?? TICKS_SECONDS.at(-1);
  const ticks = [];
  for (let at = Math.ceil(span.start / every - 1e-9) * every; at < span.end - every * 0.2 && ticks.length < 2000; at += every) ticks.push(at);
  const now = useMoment(playback, (one) => Math.round(one.time * 10) / 10);
  const keys = (event) => {
    const by = { ArrowLeft: -0.1, ArrowRight: 0.1, PageDown: -5, PageUp: 5 }[event.key];
    const to = by ? playback.time + by * (event.shiftKey ? 10 : 1) : { Home: span.start, End: span.end }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    playback.seek(Math.min(span.end, Math.max(span.start, to)));
  };
  return html`<div class="ruler tall" role="slider" tabindex="0" aria-label="Position in the video" aria-valuemin=${span.start} aria-valuemax=${span.end}
    aria-valuenow=${now} aria-valuetext=${clock(now)} onKeyDown=${keys}>
    ${ticks.map((at) => html`<span style=${{ left: place(at) }}>${clock(at, every < 1 ? 1 : 0)}</span>`)}</div>`;
}

/** A keyframe fills the time up to the next one. */
function Frame({ frame, next, span, box, onSeek }) {
  const end = next?.seconds ?? Math.min(span.end, frame.seconds + FRAME_SECONDS);
  return html`<button tabindex="-1" class=${`frame ${frame.reason}`} style=${box(frame.seconds, end)} title=${`${clock(frame.seconds)} (${frame.reason})`} onClick=${onSeek}>
    <img src=${frame.picture} alt=${`The picture at ${clock(frame.seconds)}`} draggable=${false} /></button>`;
}

function StepRow({ row, playback, box, chosen, onStep }) {
  const now = useMoment(playback, (one) => stepAt(row.steps, one.time));
  const list = useRef(null);
  const keys = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const at = [...list.current.children].indexOf(event.target) + (by ?? 0);
    if (!by || !row.steps[at]) return;
    event.preventDefault();
    event.stopPropagation();
    list.current.children[at].focus();
    onStep(at);
  };
  const reachable = Math.max(0, chosen);
  return html`<div class="lane step" role="group" aria-label=${row.name} ref=${list} onKeyDown=${keys}>${row.steps.map((step, at) => html`
    <button key=${at} class=${`span ${step.kind} ${at === now ? "now" : ""} ${at === chosen ? "chosen" : ""} ${step.problem ? "problem" : ""}`} style=${box(step.start_seconds, step.end_seconds)}
      tabindex=${at === reachable ? 0 : -1} aria-label=${`Step ${at + 1} at ${clock(step.start_seconds)}`} title=${`${spanText(step.start_seconds, step.end_seconds)}\n${step.text}`}
      onClick=${() => onStep(at)}><bdi aria-hidden="true">${step.text}</bdi></button>`)}</div>`;
}

function Head({ playback, span, length }) {
  const line = useRef(null);
  useEffect(() => playback.subscribe((one) => {
    if (line.current) line.current.style.left = `${Math.min(100, Math.max(0, (100 * (one.time - span.start)) / length))}%`;
  }), [playback, span.start, length]);
  return html`<i class="head" ref=${line}></i>`;
}
