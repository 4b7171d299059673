/** Find moments in the video by words, as they are typed; they are marked on the timeline, and a click jumps there. */
import { call, withQuery } from "../../api.js";
import { counted, spanText } from "../../parts/clock.js";
import { Icon } from "../../parts/icons.js";
import { html, useEffect, useRef, useState } from "../../parts/preact.js";
import { announce, attempt } from "../../parts/status.js";

const TYPING_MS = 300;

export function Find({ caption, field, disabled, moments, onMoments, playback }) {
  const [asked, ask] = useState("");
  const wanted = useRef(""), timer = useRef(0);
  /** Also for what was asked before: a caption that grows has more to find. */
  const find = async () => {
    clearTimeout(timer.current);
    const q = field.current.value.trim();
    wanted.current = q;
    if (!q) { onMoments(null); return; }
    const answer = await attempt(() => call("GET", withQuery(`/v1/captions/${caption}/find`, { q })));
    if (!answer || q !== wanted.current) return;
    ask(q);
    onMoments(answer.moments);
    announce(`${counted(answer.moments.length, "moment")} found.`);
  };
  const typed = () => {
    clearTimeout(timer.current);
    if (!field.current.value.trim()) find();
    else timer.current = setTimeout(find, TYPING_MS);
  };
  useEffect(() => () => { clearTimeout(timer.current); wanted.current = null; }, []);
  const clear = () => { field.current.value = ""; find(); };
  return html`<div class="find"><form role="search" onSubmit=${(event) => { event.preventDefault(); find(); }}><${Icon} name="search" />
      <input ref=${field} type="search" aria-label="Find in the video" placeholder="Find in the video" disabled=${disabled} onInput=${typed} />
      <kbd title="Press / to find">/</kbd></form>
    ${moments && html`<div class="moments"><p class="hint"><span>${moments.length ? `${counted(moments.length, "moment")} for ` : "Nothing for "}<bdi>“${asked}”</bdi></span><button class="plain small" onClick=${clear}>Clear</button></p>
      <ol>${moments.map((one, at) => html`<li key=${at}><button onClick=${() => playback.seek(one.start_seconds)}><b>${spanText(one.start_seconds, one.end_seconds)}</b> <bdi>${one.text}</bdi></button></li>`)}</ol></div>`}
  </div>`;
}
