/** A video with its steps: player, timeline, summary, chapters; or two captions of it side by side. */
import { call } from "../../api.js";
import { useKeys } from "../../parts/keys.js";
import { factsOf, lanesOf } from "../../parts/lanes.js";
import { useMediaInfo } from "../../parts/media.js";
import { Player } from "../../parts/player.js";
import { usePlayback } from "../../parts/playback.js";
import { html, useMemo, useRef, useState } from "../../parts/preact.js";
import { Retell } from "../../parts/retell.js";
import { stepAt } from "../../parts/steps.js";
import { StepList } from "../../parts/steplist.js";
import { Timeline } from "../../parts/timeline.js";
import { Warnings } from "../../parts/warnings.js";
import { Bar } from "./bar.js";
import { Clip } from "./clip.js";
import { Find } from "./find.js";
import { isRunning, useJob } from "./job.js";
import { SideBySide } from "./side.js";
import { Summary } from "./summary.js";

const LEAST_CLIP_SECONDS = 0.1;

/** @param {{first: string, second: string, choice: {model: string, mode: string}}} props */
export function Watch({ first, second, choice }) {
  const [job, putCaption] = useJob(first);
  const [other] = useJob(second);
  const info = useMediaInfo(job.media);
  const playback = usePlayback(job.media);
  const [chosen, choose] = useState(-1);
  const [editing, edit] = useState(-1);
  const [selection, select] = useState(null);
  const [moments, setMoments] = useState(null);
  const find = useRef(null);
  const span = job.span ?? { start: 0, end: info?.seconds ?? 1 };
  const lanes = useMemo(() => lanesOf(factsOf(job.steps, job.keyframes), job.caption?.sound), [job.steps, job.keyframes, job.caption]);
  const jump = (number) => { choose(number); playback.seek(job.steps[number].start_seconds); };
  const save = async (number, text, was, model = "") => putCaption((await call("PATCH", `/v1/captions/${first}`, { step: number, text, was, model })).caption);
  const takeTheirs = (number, text) => putCaption(withText(job.caption, number, text));
  const editable = job.caption && !isRunning(job);
  useWatchKeys({ playback, steps: job.steps, span, chosen, jump, edit: editable && !second ? edit : null, selection, select, find });
  if (job.status === "failed" && !job.media && !job.caption) return html`<div class="empty"><h1>This caption is not here</h1><p>${job.message}</p><p><a class="button main" href="#caption">Open a video</a></p></div>`;
  const rows = second ? [{ name: "A", steps: job.steps }, { name: "B", steps: other.steps }] : [{ name: "steps", steps: job.steps }];
  const onStep = (number, row) => (row === 0 ? jump(number) : playback.seek(rows[row].steps[number].start_seconds));
  return html`<div class=${second ? "watch two" : "watch"}>
    <${Bar} job=${job} other=${other} info=${info} choice=${choice} />
    <div class="stage">
      ${info ? html`<${Player} playback=${playback} src=${`/v1/media/${job.media}`} name=${info.name} size=${[info.width, info.height]} steps=${job.steps} span=${span} playable=${info.playable || info.preview} />` : html`<div class="player"><div class="screen">${job.status === "done" && !job.media && html`<p class="broken">The video of this caption is not on this server.</p>`}</div></div>`}
    </div>
    <div class="below">${!second && html`<${Warnings} caption=${job.caption} />`}<${Timeline} playback=${playback} span=${span} rows=${rows} lanes=${lanes} keyframes=${job.keyframes.filter(Boolean)} marks=${moments ?? []} readTo=${isRunning(job) ? job.readTo : null}
        chosen=${chosen} selection=${selection} onSelect=${select} onStep=${onStep} />
      ${selection && html`<${Clip} caption=${first} media=${job.media} selection=${selection} playback=${playback} ready=${job.steps.length > 0} whole=${editable ? job.caption : null} onClose=${() => select(null)} />`}
      ${!second && html`<${Summary} job=${job} editable=${editable} save=${(text, was) => save(null, text, was)} onTheirs=${(text) => takeTheirs(null, text)}>
          ${job.caption && html`<${Retell} id=${first} caption=${job.caption} edited=${editedSince(job.caption.edits)} save=${(text, was, model) => save(null, text, was, model)} />`}<//>`}</div>
    ${second
      ? html`<${SideBySide} first=${job} second=${other} playback=${playback} />`
      : html`<section class="side" aria-label="Steps" tabindex="0" data-scrolls><${Find} caption=${first} field=${find} disabled=${!job.steps.length} moments=${moments} onMoments=${setMoments} playback=${playback} />
          <${StepList} playback=${playback} steps=${job.steps} keyframes=${job.keyframes.filter(Boolean)} chosen=${chosen} editing=${editing} coming=${coming(job)} onStep=${jump} onEdit=${editable ? edit : undefined} save=${save} onTheirs=${takeTheirs} /></section>`}
  </div>`;
}

/** The chapter that is awaited. */
function coming(job) {
  if (!isRunning(job) || job.status === "summarizing") return null;
  return job.status === "queued" || job.status === "loading" ? "Waiting to start" : "Watching what comes next";
}

/** The steps that were edited after the summary was written, or edited: the last edit of each text, the last one last. */
function editedSince(edits) {
  const last = edits.findLastIndex((one) => one.step === -1);
  return edits.slice(last + 1).map((one) => one.step).sort((a, b) => a - b);
}

function withText(caption, number, text) {
  if (number === null) return { ...caption, summary: text };
  return { ...caption, steps: caption.steps.map((step, at) => (at === number ? { ...step, text } : step)) };
}

/** j and k move a choice of their own, apart from what plays; i and o set the ends of a clip where the playhead is. */
function useWatchKeys({ playback, steps, span, chosen, jump, edit, selection, select, find }) {
  const move = (by) => {
    const from = chosen >= 0 ? chosen : stepAt(steps, playback.time) - (by > 0 ? 1 : 0);
    const to = Math.min(steps.length - 1, Math.max(0, from + by));
    if (steps[to]) jump(to);
  };
  const bound = (side) => {
    const now = playback.time;
    const one = { start: selection?.start ?? span.start, end: selection?.end ?? span.end, [side]: now };
    if (one.end - one.start < LEAST_CLIP_SECONDS) Object.assign(one, side === "start" ? { end: span.end } : { start: span.start });
    if (one.end - one.start >= LEAST_CLIP_SECONDS) select(one);
  };
  useKeys([
    { group: "Steps", keys: ["j"], label: "Next step", run: () => move(1) },
    { group: "Steps", keys: ["k"], label: "Step before", run: () => move(-1) },
    ...(edit ? [{ group: "Steps", keys: ["e"], label: "Edit the step", run: () => edit(chosen >= 0 ? chosen : Math.max(0, stepAt(steps, playback.time))) }] : []),
    { group: "Steps", keys: ["/"], label: "Find in the video", run: () => find.current?.focus() },
    { group: "Clip", keys: ["i"], label: "Clip starts here", run: () => bound("start") },
    { group: "Clip", keys: ["o"], label: "Clip ends here", run: () => bound("end") },
    ...(selection ? [{ group: "Clip", keys: ["Escape"], label: "No clip", run: () => select(null) }] : []),
  ]);
}
