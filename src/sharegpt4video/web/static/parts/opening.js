/** How a video comes in: dropped, picked, pasted as a path or an address, or the sample. */
import { call, upload } from "../api.js";
import { counted } from "./clock.js";
import { Icon } from "./icons.js";
import { html, useEffect, useRef, useState } from "./preact.js";
import { useSession } from "./session.js";
import { announce, complain, note } from "./status.js";

const MEGABYTE = 1e6;

/**
 * Opening a video. `busy` says what is going on, and can be cancelled.
 * @param {(media: string) => Promise<void>|void} onMedia what to do with the video once the server has it
 */
export function useOpening(onMedia) {
  const session = useSession();
  const [busy, work] = useState(null);
  const opened = async (media, text) => {
    work((old) => old && { ...old, share: null, text });
    await onMedia(media);
  };
  const doing = async (name, text, begin) => {
    if (busy) return;
    const controller = new AbortController();
    work({ text, share: null, cancel: () => controller.abort() });
    announce(text);
    try {
      await begin(controller.signal);
    } catch (error) {
      complain(error.name === "AbortError" || error.message.includes(name) ? error : new Error(`${name}: ${error.message}`));
    } finally {
      work(null);
    }
  };
  const openFile = (file) => {
    if (file.size > session.limits.upload_bytes) {
      return note(`${file.name} has ${Math.ceil(file.size / MEGABYTE)} MB; at most ${Math.floor(session.limits.upload_bytes / MEGABYTE)} MB can be uploaded. Cut it, or paste its path if it is on the server.`, "error");
    }
    return doing(file.name, `Uploading ${file.name}`, async (signal) => {
      const sending = upload(file, (share) => work((old) => old && { ...old, share }));
      signal.addEventListener("abort", sending.abort);
      await opened((await sending.done).id, `Opening ${file.name}`);
    });
  };
  const openPath = (text) => doing(text, `Opening ${text}`, async (signal) => {
    const body = /^https?:\/\//i.test(text) ? { url: text } : { path: text };
    await opened((await call("POST", "/v1/media/open", body, signal)).id, `Opening ${text}`);
  });
  const openSample = () => doing(session.sample.name, "Opening the sample", () => opened(session.sample.id, "Opening the sample"));
  return { busy, openFile, openPath, openSample };
}

/** The place to drop a video, with the other ways in. @param {{opening: ReturnType<typeof useOpening>}} props */
export function Opening({ opening }) {
  const session = useSession();
  const file = useRef(null);
  const { busy } = opening;
  const limits = [session.limits.max_seconds && counted(Math.floor(session.limits.max_seconds / 60), "minute"), session.limits.upload_bytes && `${Math.floor(session.limits.upload_bytes / MEGABYTE).toLocaleString("en")} MB`];
  return html`<div class="ways"><div class="drop" onClick=${(event) => !busy && !event.target.closest("button, input, a") && file.current.click()}>
      <span class="reel" aria-hidden="true"><i></i><i></i><i></i><i></i><i></i></span>
      ${busy ? html`<${Busy} busy=${busy} />` : html`
        <p class="big">Drop a video anywhere</p>
        <p class="row centre"><button class="main" onClick=${() => file.current.click()}><${Icon} name="upload" /> Choose a file</button>
          ${session.sample && html`<button onClick=${opening.openSample}><${Icon} name="play" /> Try the sample</button>`}</p>
        <p class="hint">Up to ${limits.filter(Boolean).join(" and ")}</p>`}
      <input ref=${file} type="file" accept="video/*,.mkv,.ts,.avi" class="unseen" tabindex="-1" aria-label="Video file" onChange=${(event) => { if (event.target.files[0]) opening.openFile(event.target.files[0]); event.target.value = ""; }} />
    </div>
    ${(session.roots.length > 0 || session.fetch_urls) && html`<${PathForm} session=${session} busy=${Boolean(busy)} onOpen=${opening.openPath} />`}
  </div>`;
}

/** A file dropped anywhere on the page is opened; a veil shows that while it hovers. @param {{open: (file: File) => void, text: string}} props */
export function DropAnywhere({ open, text }) {
  const [over, set] = useState(false);
  const depth = useRef(0), latest = useRef(open);
  latest.current = open;
  useEffect(() => {
    const end = () => { depth.current = 0; set(false); };
    const handlers = {
      dragenter: () => { depth.current += 1; set(true); },
      dragleave: () => { depth.current -= 1; if (depth.current <= 0) end(); },
      dragover: (event) => event.preventDefault(),
      drop: (event) => { event.preventDefault(); end(); if (event.dataTransfer.files[0]) latest.current(event.dataTransfer.files[0]); },
    };
    const guarded = Object.entries(handlers).map(([name, handle]) => [name, (event) => event.dataTransfer?.types.includes("Files") && handle(event)]);
    for (const [name, handle] of guarded) addEventListener(name, handle);
    return () => { for (const [name, handle] of guarded) removeEventListener(name, handle); };
  }, []);
  return over && html`<div class="drop-over"><p>${text}</p></div>`;
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
