/** One video of the data set on the desk: watch it, mend its texts, judge it, go on. */
import { useKeys } from "../../parts/keys.js";
import { lanesOf, factsOf } from "../../parts/lanes.js";
import { useMediaInfo } from "../../parts/media.js";
import { Player } from "../../parts/player.js";
import { usePlayback } from "../../parts/playback.js";
import { html, useEffect, useMemo, useState } from "../../parts/preact.js";
import { go } from "../../parts/route.js";
import { Retell } from "../../parts/retell.js";
import { shownAt } from "../../parts/steps.js";
import { StepList } from "../../parts/steplist.js";
import { announce, note } from "../../parts/status.js";
import { Timeline } from "../../parts/timeline.js";
import { Summary } from "../caption/summary.js";
import { AskAuthor } from "./author.js";
import { readAhead, useCaption } from "./captions.js";
import { Conflicts } from "./conflicts.js";
import { About, Findings, Measured } from "./details.js";
import { Head } from "./head.js";
import { written } from "./query.js";
import { useReviewing } from "./reviewing.js";
import { useRows } from "./rows.js";

const OF_CLIPS = "Clips of these steps are left out of exports until “sg4v dataset clips” tells them again.";
const NOTHING = { steps: [], summary: "", start_seconds: 0, end_seconds: 1, video: "" };

/** @param {{id: string, rows: import("./rows.js").Rows}} props */
export function Video({ id, rows }) {
  useRows(rows);
  const { whole, failure, again } = useCaption(id);
  const reviewing = useReviewing(rows);
  const playback = usePlayback(id);
  const info = useMediaInfo(whole?.media ?? "");
  const [chosen, choose] = useState(-1);
  const [editing, edit] = useState(null);
  const caption = whole?.caption ?? NOTHING;
  const lanes = useMemo(() => lanesOf(factsOf(caption.steps), caption.sound), [caption]);
  const walk = useWalk(id, rows);
  useEffect(() => {
    choose(-1);
    edit(null);
    rows.opened = id;
    rows.find(id).then(async () => { for (const by of [1, -1]) { const one = await rows.beside(id, by); if (one) readAhead(one.id); } });
  }, [id]);
  const jump = (number) => { choose(number); playback.seek(caption.steps[number].start_seconds); };
  const save = async (step, text, was, model) => { await reviewing.write(whole, step, text, was, model); await again(); };
  const settle = async (step, text, was) => {
    try { await save(step, text, was); return true; } catch (error) { note(`Not saved: ${error.message}`, "error"); await again(); return false; }
  };
  /** What is not shown yet cannot be judged; nor does a key that is held down judge one after the other. */
  const judge = (verdict, onward = true) => whole && reviewing.judge(whole, verdict, (stored) => (onward ? walk(1) : stored.then(again)));
  const undo = async () => { const of = await reviewing.undo(); if (of && of !== id) go("dataset", written(rows.query), of); else if (of) await again(); };
  const startEdit = (what) => reviewing.named(() => edit(what));
  useDeskKeys({ playback, steps: caption.steps, chosen, jump, walk, judge, undo, edit: whole && startEdit, rows, id });
  if (failure) return html`<div class="empty"><h1>This caption is not here</h1><p>${failure.message}</p><p><a class="button main" href=${`#dataset/${encodeURIComponent(written(rows.query))}`}>Back to the list</a></p></div>`;
  const span = { start: caption.start_seconds, end: caption.end_seconds };
  const findings = (step) => whole?.findings.filter((one) => one.step === step) ?? [];
  const pictures = whole?.keyframes.filter((one) => one.picture) ?? [];
  return html`<div class="watch desk">
    <${Head} whole=${whole} id=${id} rows=${rows} judge=${judge} walk=${walk} undo=${undo} />
    <div class="stage">${whole?.media && info
        ? html`<${Player} playback=${playback} src=${`/v1/media/${whole.media}`} name=${info.name} size=${[caption.width, caption.height]} steps=${caption.steps} span=${span} playable=${info.playable || info.preview} />`
        : html`<div class="player"><div class="screen">${whole && !whole.media && html`<p class="broken">The video cannot be shown: ${whole.media_problem}</p>`}</div></div>`}</div>
    <div class="below">
      ${whole && html`<${Conflicts} conflicts=${whole.conflicts} save=${settle} onDone=${again} />
        <${Summary} job=${{ summary: caption.summary, problem: caption.summary_problem, status: "done" }} editable=${true} editing=${editing === "summary"} onEdit=${(on) => (on ? startEdit("summary") : edit(null))}
          save=${(text, was) => save(null, text, was)} onTheirs=${again}><${Findings} findings=${findings(null)} />
          <${Retell} key=${id} id=${id} caption=${caption} edited=${editedSince(whole)} note=${OF_CLIPS} save=${(text, was, model) => save(null, text, was, model)} /><//>`}
      <${Timeline} playback=${playback} span=${span} rows=${[{ name: "steps", steps: caption.steps }]} lanes=${lanes} keyframes=${pictures} chosen=${chosen} onStep=${jump} />
      ${caption.steps[chosen] && html`<${Measured} lanes=${lanes} step=${caption.steps[chosen]} number=${chosen} />`}
      ${whole && html`<${About} key=${id} whole=${whole} />`}</div>
    <section class="side" aria-label="Steps" tabindex="0" data-scrolls>
      <${StepList} key=${id} playback=${playback} steps=${caption.steps} keyframes=${pictures} chosen=${chosen} editing=${editing ?? -1} onStep=${jump} onEdit=${(number) => (number >= 0 ? startEdit(number) : edit(null))}
        save=${save} onTheirs=${again} extra=${(step, number) => html`<${Findings} findings=${findings(number)} />`} /></section>
    ${reviewing.asking && html`<${AskAuthor} onDone=${reviewing.answer} onClose=${reviewing.cancel} />`}
  </div>`;
}

/** The steps that were edited after the summary was written, or edited. */
function editedSince({ reviews, caption }) {
  const counting = reviews.filter((one) => one.counts && one.text !== null);
  const last = Math.max(0, ...counting.filter((one) => one.step === null).map((one) => one.time));
  const steps = counting.filter((one) => one.step !== null && one.step < caption.steps.length && one.time > last && one.kind === "edit").map((one) => one.step);
  return [...new Set(steps)].sort((a, b) => a - b);
}

/** Going to another caption of the list. */
function useWalk(id, rows) {
  return async (by, holds, nothing = by > 0 ? "That was the last one." : "This is the first one.") => {
    await rows.find(id);
    const next = await rows.beside(id, by, holds);
    if (!next) return note(nothing);
    announce(next.video);
    go("dataset", written(rows.query), next.id);
    return undefined;
  };
}

function useDeskKeys({ playback, steps, chosen, jump, walk, judge, undo, edit, rows, id }) {
  const move = (by) => {
    const from = chosen >= 0 ? chosen : here() - (by > 0 ? 1 : 0);
    const to = Math.min(steps.length - 1, Math.max(0, from + by));
    if (steps[to]) jump(to);
  };
  /** The step that is on screen: an opening first, then what changes. */
  const here = () => shownAt(steps, playback.time)[0] ?? 0;
  useKeys([
    { group: "Review", keys: ["a"], label: "Accept and go on", run: (event) => event.repeat || judge("accept") },
    { group: "Review", keys: ["r"], label: "Reject and go on", run: (event) => event.repeat || judge("reject") },
    { group: "Review", keys: ["x"], label: "Take the verdict back", run: () => judge("", false) },
    { group: "Review", keys: ["u"], label: "Undo the last review", run: undo },
    ...(edit ? [{ group: "Review", keys: ["e"], label: "Edit the step", run: () => steps.length && edit(chosen >= 0 ? chosen : here()) },
      { group: "Review", keys: ["E"], label: "Edit the summary", run: () => edit("summary") }] : []),
    { group: "Videos", keys: ["n", "J"], label: "Next video", run: () => walk(1) },
    { group: "Videos", keys: ["p", "K"], label: "Video before", run: () => walk(-1) },
    { group: "Videos", keys: ["f"], label: "Next with a finding", run: () => walk(1, (one) => one.findings > 0, "No finding in those that follow.") },
    { group: "Videos", keys: ["s"], label: "Videos like this one", run: () => go("dataset", written({ q: "", like: id, order: "", where: [] })) },
    { group: "Videos", keys: ["/"], label: "Search", run: () => { rows.wantsSearch = true; go("dataset", written(rows.query)); } },
    { group: "Videos", keys: ["Escape"], label: "Back to the list", run: () => go("dataset", written(rows.query)) },
    { group: "Player", keys: [" "], label: "Play or pause", run: () => playback.toggle() }, // also before its video is there
    { group: "Steps", keys: ["j"], label: "Next step", run: () => move(1) },
    { group: "Steps", keys: ["k"], label: "Step before", run: () => move(-1) },
  ], true);
}
