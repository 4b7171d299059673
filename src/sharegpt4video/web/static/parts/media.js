/** What the server knows about a video. */
import { call } from "../api.js";
import { useEffect, useState } from "./preact.js";
import { complain } from "./status.js";

/** @param {string} media its id; "" for none @returns {{name: string, seconds: number, playable: boolean, preview: boolean, has_sound: boolean}|null} null until it is known */
export function useMediaInfo(media) {
  const [info, set] = useState(null);
  useEffect(() => {
    let gone = false;
    set(null);
    if (media) call("GET", `/v1/media/${encodeURIComponent(media)}/info`).then((found) => { if (!gone) set(found); }, complain);
    return () => { gone = true; };
  }, [media]);
  return info;
}
