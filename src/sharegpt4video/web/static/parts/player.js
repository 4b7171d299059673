/** The player: the video with the steps as subtitles on it, and its controls below. */
import { html, useEffect, useRef, useState } from "./preact.js";
import { clock } from "./clock.js";
import { Icon } from "./icons.js";
import { useKeys } from "./keys.js";
import { useMoment } from "./playback.js";
import { shownAt } from "./steps.js";

const SPEEDS = [1, 1.5, 2, 0.5];
const SECONDS_A_KEY = 1;

/**
 * @param {{playback: import("./playback.js").Playback, src: string, name: string, steps: import("./steps.js").Step[], span: {start: number, end: number},
 *   playable?: boolean, subtitled?: boolean, size?: number[], children?: any}} props `children` lie over the picture; `size`: width and height, where known before the video is there
 */
export function Player({ playback, src, name, steps, span, playable = true, subtitled = true, size, children }) {
  const stage = useRef(null);
  const [subtitles, show] = useState(true);
  const shown = useMoment(playback, (one) => shownAt(steps, one.time).join(" "));
  const shape = useMoment(playback, (one) => tall(one.video?.videoWidth ? [one.video.videoWidth, one.video.videoHeight] : size));
  const paused = useMoment(playback, (one) => one.paused);
  const broken = useMoment(playback, (one) => Boolean(one.video?.error));
  const full = () => (document.fullscreenElement ? document.exitFullscreen() : stage.current.requestFullscreen?.());
  const mute = () => { playback.video.muted = !playback.video.muted; };
  const by = (seconds) => playback.seek(Math.min(span.end, Math.max(span.start, playback.time + seconds)));
  useKeys([
    { group: "Player", keys: [" "], label: "Play or pause", run: () => playback.toggle() },
    { group: "Player", keys: ["ArrowLeft"], label: "A second back (Shift: 5)", run: (event) => by(-SECONDS_A_KEY * (event.shiftKey ? 5 : 1)) },
    { group: "Player", keys: ["ArrowRight"], label: "A second on (Shift: 5)", run: (event) => by(SECONDS_A_KEY * (event.shiftKey ? 5 : 1)) },
    ...(subtitled ? [{ group: "Player", keys: ["c"], label: "Steps as subtitles", run: () => show((shown) => !shown) }] : []),
    { group: "Player", keys: ["m"], label: "Mute", run: mute },
    { group: "Player", keys: ["f", "F"], label: "Full screen", run: full },
  ]);
  const cue = subtitled && subtitles && shown ? shown.split(" ").map((number) => steps[number]).filter(Boolean) : [];
  return html`<div class=${shape ? "player tall" : "player"} ref=${stage}>
    <div class="screen" style=${shape ? { aspectRatio: shape } : {}} onClick=${() => playback.toggle()}>
      <video ref=${playback.attach} src=${src} preload="auto" playsinline aria-label=${name}></video>
      ${paused && !broken && html`<span class="big-play" aria-hidden="true"><${Icon} name="play" /></span>`}
      ${broken && playable && html`<p class="broken">This browser cannot play the file. The steps are all there.</p>`}
      ${cue.length > 0 && html`<div class="subtitles" aria-hidden="true">${cue.map((step) => html`<p dir="auto"><span>${step.text}</span></p>`)}</div>`}
      ${children}
    </div>
    <${Controls} playback=${playback} span=${span} subtitles=${subtitled ? subtitles : null} onSubtitles=${() => show(!subtitles)} onMute=${mute} onFull=${full} />
  </div>`;
}

/** The shape of a portrait video; "" for others, which fill the box. */
const tall = (size) => (size?.[1] > size?.[0] ? size.join(" / ") : "");

function Controls({ playback, span, subtitles, onSubtitles, onMute, onFull }) {
  const paused = useMoment(playback, (one) => one.paused);
  const muted = useMoment(playback, (one) => one.video?.muted ?? false);
  const speed = useMoment(playback, (one) => one.video?.playbackRate ?? 1);
  const faster = () => { playback.video.playbackRate = SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length]; };
  return html`<div class="controls" role="group" aria-label="Player">
    <button class="round" aria-label=${paused ? "Play" : "Pause"} title=${paused ? "Play (space)" : "Pause (space)"} onClick=${() => playback.toggle()}>
      <${Icon} name=${paused ? "play" : "pause"} /></button>
    <${Time} playback=${playback} end=${span.end} />
    <span class="grow"></span>
    <button class="plain" aria-label=${`Speed: ${speed} times`} title="Speed" onClick=${faster}><b>${speed}×</b></button>
    ${subtitles !== null && html`<button class="plain" aria-pressed=${String(subtitles)} aria-label="Steps as subtitles" title="Steps as subtitles (c)" onClick=${onSubtitles}><${Icon} name="captions" /></button>`}
    <button class="plain" aria-pressed=${String(muted)} aria-label="Mute" title="Mute (m)" onClick=${onMute}><${Icon} name=${muted ? "mute" : "sound"} /></button>
    <button class="plain" aria-label="Full screen" title="Full screen (f)" onClick=${onFull}><${Icon} name="full" /></button>
  </div>`;
}

/** The time moves ten times a second: only its own text changes. */
function Time({ playback, end }) {
  const shown = useRef(null);
  useEffect(() => playback.subscribe((one) => { if (shown.current) shown.current.textContent = clock(one.time); }), [playback]);
  return html`<span class="time"><span ref=${shown} class="now"></span> / ${clock(end)}</span>`;
}
