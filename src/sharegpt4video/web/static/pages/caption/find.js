/** Find moments in the video by words; they are marked on the timeline, and a click jumps there. */
import { call, withQuery } from "../../api.js";
import { counted, spanText } from "../../parts/clock.js";
import { Icon } from "../../parts/icons.js";
import { html, useState } from "../../parts/preact.js";
import { announce, attempt } from "../../parts/status.js";

export function Find({ caption, field, disabled, moments, onMoments, playback }) {
  const [asked, ask] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    const q = field.current.value.trim();
    if (!q) return clear();
    const answer = await attempt(() => call("GET", withQuery(`/v1/captions/${caption}/find`, { q })));
    if (!answer) return;
    ask(q);
    onMoments(answer.moments);
    announce(`${counted(answer.moments.length, "moment")} found.`);
  };
  const clear = () => { field.current.value = ""; onMoments(null); };
  return html`<div class="find"><form role="search" onSubmit=${submit}><${Icon} name="search" />
      <input ref=${field} type="search" aria-label="Find in the video" placeholder="Find in the video" disabled=${disabled} onInput=${(event) => !event.target.value && onMoments(null)} />
      <kbd title="Press / to find">/</kbd></form>
    ${moments && html`<div class="moments"><p class="hint"><span>${moments.length ? `${counted(moments.length, "moment")} for ` : "Nothing for "}<bdi>“${asked}”</bdi></span><button class="plain small" onClick=${clear}>Clear</button></p>
      <ol>${moments.map((one, at) => html`<li key=${at}><button onClick=${() => playback.seek(one.start_seconds)}><b>${spanText(one.start_seconds, one.end_seconds)}</b> <bdi>${one.text}</bdi></button></li>`)}</ol></div>`}
  </div>`;
}
