/** A caption as it comes: what the server has said about it so far, folded from its events. */
import { call, follow } from "../../api.js";
import { counted } from "../../parts/clock.js";
import { useEffect, useReducer } from "../../parts/preact.js";
import { announce, complain } from "../../parts/status.js";

/**
 * @typedef {{id: string, media: string, status: "loading"|"queued"|"running"|"summarizing"|"done"|"failed"|"cancelled", message: string, position: number,
 *   name: string, span: {start: number, end: number}|null, readTo: number, keyframes: object[], steps: import("../../parts/steps.js").Step[],
 *   summary: string, problem: string, caption: object|null}} Job
 */

const EMPTY = { media: "", status: "loading", message: "", position: 0, name: "", span: null, readTo: 0, keyframes: [], steps: [], summary: "", problem: "", caption: null };
const ENDED = ["done", "failed", "cancelled"];
const ANNOUNCE_EVERY_MS = 4000;

/** @param {Job} job */
export const isRunning = (job) => !ENDED.includes(job.status);

/** What an event makes of the job. Events may come twice (after a reload, say): numbers decide their places. */
const FOLD = {
  queued: (job, { position }) => ({ ...job, status: "queued", position }),
  opened: (job, one) => ({ ...job, status: "running", name: one.name, span: { start: one.start_seconds, end: one.end_seconds } }),
  keyframe: (job, one) => ({ ...job, keyframes: placed(job.keyframes, one.number, one) }),
  read: (job, one) => ({ ...job, status: "running", readTo: one.read_seconds, span: { start: job.span?.start ?? 0, end: one.end_seconds ?? job.span?.end ?? one.read_seconds } }),
  step: (job, { number, step }) => ({ ...job, steps: placed(job.steps, number, step) }),
  summarizing: (job) => ({ ...job, status: "summarizing", readTo: job.span?.end ?? job.readTo }),
  summary: (job, { text, problem }) => ({ ...job, summary: text, problem }),
  done: (job, { caption }) => ({ ...withCaption(job, caption), status: "done" }),
  failed: (job, { message }) => ({ ...job, status: "failed", message }),
  cancelled: (job) => ({ ...job, status: "cancelled" }),
};

function placed(list, number, one) {
  const copy = [...list];
  copy[number] = one;
  return copy;
}

function withCaption(job, caption) {
  const span = { start: caption.start_seconds, end: caption.end_seconds };
  return { ...job, caption, steps: caption.steps, summary: caption.summary, problem: caption.summary_problem, name: caption.video, span, readTo: span.end };
}

function reduce(job, action) {
  if (action.kind === "reset") return { ...EMPTY, id: action.id };
  if (action.kind === "caption") return withCaption(job, action.caption);
  if (action.kind === "loaded") {
    const { media, status, message, caption, keyframes } = action.answer;
    const loaded = { ...job, media: media ?? "", message: message ?? "", keyframes: keyframes ?? [] };
    return caption && ENDED.includes(status) ? { ...withCaption(loaded, caption), status } : { ...loaded, status, name: caption?.video ?? "" };
  }
  return FOLD[action.kind](job, action.data);
}

/** What can be told of the events, seldom enough to be listened to. */
function announcer() {
  let last = 0, steps = 0;
  return (kind, data) => {
    if (kind === "queued") announce(data.position > 0 ? `Waiting, ${counted(data.position, "video")} before this one.` : "Starting.");
    else if (kind === "opened") announce(`Reading ${data.name}.`);
    else if (kind === "summarizing") announce("Writing the summary.");
    else if (kind === "done") announce(`Done: ${counted(data.caption.steps.length, "step")}.`);
    else if (kind === "failed") announce(`Failed: ${data.message}`);
    else if (kind === "cancelled") announce("Cancelled.");
    else if (kind === "step") {
      steps += 1;
      if (performance.now() - last < ANNOUNCE_EVERY_MS) return;
      last = performance.now();
      announce(`${counted(steps, "step")} so far.`);
    }
  };
}

/**
 * Follow the caption `id`, or nothing where it is "".
 * @param {string} id @returns {[Job|null, (caption: object) => void]} the job, and how to put in an edited caption
 */
export function useJob(id) {
  const [job, tell] = useReducer(reduce, { ...EMPTY, id });
  useEffect(() => {
    if (!id) return undefined;
    let stop = null, gone = false;
    tell({ kind: "reset", id });
    call("GET", `/v1/captions/${encodeURIComponent(id)}`).then((answer) => {
      if (gone) return;
      tell({ kind: "loaded", answer });
      if (ENDED.includes(answer.status)) return;
      const said = announcer();
      const handlers = Object.fromEntries(Object.keys(FOLD).map((kind) => [kind, (data) => {
        tell({ kind, data });
        said(kind, data);
        return ENDED.includes(kind);
      }]));
      stop = follow(`/v1/captions/${encodeURIComponent(id)}/events`, handlers, complain);
    }, (error) => { if (!gone) tell({ kind: "failed", data: { message: error.message } }); });
    return () => { gone = true; stop?.(); };
  }, [id]);
  return [id ? job : null, (caption) => tell({ kind: "caption", caption })];
}
