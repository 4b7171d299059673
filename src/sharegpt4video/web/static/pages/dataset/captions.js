/** One caption of the data set: read once, kept for a while, and read ahead, so that going on takes no time. */
import { call } from "../../api.js";
import { mediaInfo } from "../../parts/media.js";
import { useEffect, useState } from "../../parts/preact.js";

/** @typedef {{id: string, media: string|null, media_problem: string, revision: number, caption: object, original: object, verdict: string, verdict_is_stale: boolean,
 *   findings: {check: string, step: number|null, reason: string}[], selection: object|null, provenance: object, keyframes: object[], reviews: object[], conflicts: object[]}} Whole */

const KEPT = 12;
const kept = new Map();

const path = (id) => `/v1/dataset/captions/${encodeURIComponent(id)}`;

function asked(id) {
  const one = { whole: null };
  one.coming = call("GET", path(id)).then((whole) => { one.whole = whole; return whole; });
  one.coming.catch(() => { if (kept.get(id) === one) kept.delete(id); });
  kept.delete(id);
  kept.set(id, one);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  return one;
}

/**
 * Read a caption, its pictures and its video before they are needed.
 * @param {string} id
 */
export async function readAhead(id) {
  if (kept.has(id)) return;
  try {
    const whole = await asked(id).coming;
    for (const frame of whole.keyframes) if (frame.picture) new Image().src = frame.picture;
    if (whole.media) {
      mediaInfo(whole.media);
      ahead.src = `/v1/media/${encodeURIComponent(whole.media)}`;
    }
  } catch { /* It is told when it is opened. */ }
}

/** Fetches the video that is likely to come next; what it has got comes from the browser's cache afterwards. */
const ahead = document.createElement("video");
ahead.preload = "auto";
ahead.muted = true;

/** Let captions be reloaded. @param {string} [id] only this one */
export function forget(id) { id ? kept.delete(id) : kept.clear(); }

/**
 * @param {string} id
 * @returns {{whole: Whole|null, failure: Error|null, again: () => Promise<void>}} `again` reloads it, and ends when it is there
 */
export function useCaption(id) {
  const [state, set] = useState(() => ({ id, whole: kept.get(id)?.whole ?? null, failure: null }));
  const fetched = (one, isGone) => one.coming.then((whole) => { if (!isGone()) set({ id, whole, failure: null }); }, (failure) => { if (!isGone()) set({ id, whole: null, failure }); });
  useEffect(() => {
    let gone = false;
    fetched(kept.get(id) ?? asked(id), () => gone);
    return () => { gone = true; };
  }, [id]);
  const mine = state.id === id ? state : { whole: kept.get(id)?.whole ?? null, failure: null };
  return { ...mine, again: () => fetched(asked(id), () => false) };
}
