/** What the server knows about a video. */
import { call } from "../api.js";
import { useEffect, useReducer } from "./preact.js";
import { complain } from "./status.js";

/** @typedef {{name: string, seconds: number, playable: boolean, preview: boolean, has_sound: boolean}} MediaInfo */

const KEPT = 50;
/** @type {Map<string, {info: MediaInfo|null, coming: Promise<MediaInfo>}>} */
const known = new Map();

/** Ask for it, once, also before it is needed. @param {string} media its id */
export function mediaInfo(media) {
  const found = known.get(media);
  if (found) return found;
  const one = { info: null, coming: call("GET", `/v1/media/${encodeURIComponent(media)}/info`) };
  one.coming.then((info) => { one.info = info; }, () => known.delete(media));
  known.set(media, one);
  if (known.size > KEPT) known.delete(known.keys().next().value);
  return one;
}

/** @param {string} media its id; "" for none @returns {MediaInfo|null} of this video and no other; null until it is known */
export function useMediaInfo(media) {
  const [, again] = useReducer((count) => count + 1, 0);
  useEffect(() => {
    let gone = false;
    if (media) mediaInfo(media).coming.then(() => { if (!gone) again(); }, complain);
    return () => { gone = true; };
  }, [media]);
  return known.get(media)?.info ?? null;
}
