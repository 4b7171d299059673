/** How a video comes in: dropped, picked, pasted as a path or an address, or the sample. */
import { call, upload } from "../../api.js";
import { counted } from "../../parts/clock.js";
import { Choice, defaultChoice } from "../../parts/choice.js";
import { Icon } from "../../parts/icons.js";
import { html, useRef, useState } from "../../parts/preact.js";
import { go } from "../../parts/route.js";
import { useSession } from "../../parts/session.js";
import { announce, complain, note } from "../../parts/status.js";

const MEGABYTE = 1e6;

/** Opening a video and starting its caption. `busy` says what is going on, and can be cancelled. */
export function useOpening() {
  const session = useSession();
  const [choice, choose] = useState(() => defaultChoice(session));
  const [busy, work] = useState(null);
  const started = async (media, text) => {
    work((old) => ({ ...old, text }));
    const job = await call("POST", "/v1/captions", { media, ...choice });
    go("caption", job.id);
  };
  const doing = async (text, begin) => {
    if (busy) return;
    const controller = new AbortController();
    work({ text, share: null, cancel: () => controller.abort() });
    announce(text);
    try {
      await begin(controller.signal);
    } catch (error) {
      complain(error);
    } finally {
      work(null);
    }
  };
  const openFile = (file) => {
    if (file.size > session.limits.upload_bytes) {
      return note(`${file.name} has ${Math.ceil(file.size / MEGABYTE)} MB; at most ${Math.floor(session.limits.upload_bytes / MEGABYTE)} MB can be uploaded. Cut it, or paste its path if it is on the server.`, "error");
    }
    return doing(`Uploading ${file.name}`, async (signal) => {
      const sending = upload(file, (share) => work((old) => old && { ...old, share }));
      signal.addEventListener("abort", sending.abort);
      await started((await sending.done).id, `Opening ${file.name}`);
    });
  };
  const openPath = (text) => doing(`Opening ${text}`, async (signal) => {
    const body = /^https?:\/\//i.test(text) ? { url: text } : { path: text };
    await started((await call("POST", "/v1/media/open", body, signal)).id, `Opening ${text}`);
  });
  const openSample = () => doing("Opening the sample", () => started(session.sample.id, "Opening the sample"));
  return { choice, choose, busy, openFile, openPath, openSample };
}

export function Start({ opening }) {
  const session = useSession();
  const file = useRef(null);
  const { choice, choose, busy } = opening;
  return html`<div class="start">
    <h1>What happens in your video, <em>second by second</em></h1>
    <div class="drop" onClick=${(event) => !busy && !event.target.closest("button, input, a") && file.current.click()}>
      <span class="reel" aria-hidden="true"><i></i><i></i><i></i><i></i><i></i></span>
      ${busy ? html`<${Busy} busy=${busy} />` : html`
        <p class="big">Drop a video anywhere</p>
        <p class="row centre"><button class="main" onClick=${() => file.current.click()}><${Icon} name="upload" /> Choose a file</button>
          ${session.sample && html`<button onClick=${opening.openSample}><${Icon} name="play" /> Try the sample</button>`}</p>
        <p class="hint">Up to ${counted(Math.floor(session.limits.max_seconds / 60), "minute")} and ${Math.floor(session.limits.upload_bytes / MEGABYTE).toLocaleString("en")} MB</p>`}
      <input ref=${file} type="file" accept="video/*,.mkv,.ts,.avi" class="unseen" tabindex="-1" aria-label="Video file" onChange=${(event) => { if (event.target.files[0]) opening.openFile(event.target.files[0]); event.target.value = ""; }} />
    </div>
    ${(session.roots.length > 0 || session.fetch_urls) && html`<${PathForm} session=${session} busy=${Boolean(busy)} onOpen=${opening.openPath} />`}
    <${Choice} choice=${choice} onChoose=${choose} />
  </div>`;
}

function PathForm({ session, busy, onOpen }) {
  const field = useRef(null);
  const names = session.roots.map((root) => root.name).join(", ");
  const what = session.fetch_urls ? (names ? "Path or address" : "Address") : "Path";
  const submit = (event) => {
    event.preventDefault();
    if (field.current.value.trim()) onOpen(field.current.value.trim());
  };
  return html`<form class="path" onSubmit=${submit}><label><span>${what}</span><input ref=${field} type="text" spellcheck=${false} autocomplete="off" dir="auto"
    placeholder=${names ? `a video in ${names}` : "https://…"} /></label><button disabled=${busy}>Open</button></form>`;
}

function Busy({ busy }) {
  const percent = busy.share === null || busy.share === undefined ? null : Math.round(100 * busy.share);
  return html`<p class="big"><bdi>${busy.text}</bdi></p>
    <progress max="100" value=${percent} aria-label=${busy.text}></progress>
    <p class="row centre"><span class="hint">${percent === null ? "…" : percent < 100 ? `${percent} %` : "Looking at the file"}</span><button onClick=${busy.cancel}>Cancel</button></p>`;
}
