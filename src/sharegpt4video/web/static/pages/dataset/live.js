/** How far a build is, live: a slim bar with counts, pace and failures. New captions are announced, not shoved in. */
import { follow } from "../../api.js";
import { counted } from "../../parts/clock.js";
import { Icon } from "../../parts/icons.js";
import { html, useEffect, useState } from "../../parts/preact.js";
import { complain } from "../../parts/status.js";

/** @typedef {{counts: {videos: number, captions: number, failures: number, kept: number, dropped: number, reviewed: number}, building: boolean,
 *   videos_per_second: number|null, failures: object[]}} Live */

/** @returns {Live|null} */
export function useLive() {
  const [live, set] = useState(null);
  useEffect(() => follow("/v1/dataset/events", { status: (now) => set(now) }, complain), []);
  return live;
}

/**
 * @param {{live: Live|null, fresh: number, onFresh: () => void, onFailed: () => void}} props `fresh`: captions that came
 *   since the list was read
 */
export function LiveBar({ live, fresh, onFresh, onFailed }) {
  if (!live || (!live.building && !fresh && !live.counts.failures)) return null;
  const { counts, building } = live;
  const done = counts.captions + counts.failures;
  const pace = paced(live.videos_per_second);
  return html`<section class=${`live ${building ? "building" : ""}`} aria-label="The build">
    ${building && html`<span class="state running"><i></i>Being built</span>
      <progress max=${Math.max(counts.videos, 1)} value=${done} aria-label=${`${done} of ${counts.videos} videos`}></progress>
      <span>${done.toLocaleString("en")} of ${counted(counts.videos, "video")}</span>${pace && html`<span class="hint">${pace}</span>`}`}
    ${counts.failures > 0 && html`<details class="failures"><summary>${counted(counts.failures, "failure")}</summary><div class="panel">
      <ul>${live.failures.map((one) => html`<li><b><bdi>${one.location}</bdi></b> <span>${one.message}</span></li>`)}</ul>
      <button onClick=${onFailed}>Show all that failed</button></div></details>`}
    <span class="grow"></span>
    ${fresh > 0 && html`<button class="fresh" onClick=${onFresh}><${Icon} name="add" /> ${counted(fresh, "new caption")}: show</button>`}
  </section>`;
}

function paced(perSecond) {
  if (!perSecond) return "";
  if (perSecond >= 1) return `${perSecond.toFixed(1)} a second`;
  return perSecond * 60 >= 1 ? `${(perSecond * 60).toFixed(1)} a minute` : `${(perSecond * 3600).toFixed(1)} an hour`;
}
