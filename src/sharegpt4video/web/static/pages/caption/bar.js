/** The head of a video: its name, how far its caption is, and what can be done with it. */
import { call } from "../../api.js";
import { Choice } from "../../parts/choice.js";
import { clock, counted } from "../../parts/clock.js";
import { Dialog } from "../../parts/dialog.js";
import { Icon } from "../../parts/icons.js";
import { Menu } from "../../parts/menu.js";
import { html, useState } from "../../parts/preact.js";
import { address, go } from "../../parts/route.js";
import { useSession } from "../../parts/session.js";
import { attempt } from "../../parts/status.js";
import { isRunning } from "./job.js";

const FORMATS = [["json", "JSON", "everything"], ["srt", "SRT", "subtitles"], ["vtt", "VTT", "subtitles"], ["md", "Markdown", "to read"]];

/** @param {{job: import("./job.js").Job, other: import("./job.js").Job|null, info: object|null, choice: object}} props */
export function Bar({ job, other, info, choice }) {
  const [asking, ask] = useState(false);
  const session = useSession();
  const asks = session.models.some((one) => one.sees_images);
  return html`<header class="bar"><div class="what"><h1><bdi>${job.name || info?.name || "…"}</bdi></h1><p class="about"><${State} job=${job} />${!isRunning(job) && html`<span class="facts">${about(job, info)}</span>`}</p></div>
    <div class="row actions">
      ${isRunning(job) && html`<button onClick=${() => attempt(() => call("DELETE", `/v1/captions/${job.id}`))}>Cancel</button>`}
      ${(job.caption || job.steps.length > 0) && !isRunning(job) && !other && html`<${Menu} label="Download" icon="download">${FORMATS.map(([format, title, hint]) => html`
        <a key=${format} role="menuitem" href=${`/v1/captions/${job.id}/download?format=${format}`} download><b>${title}</b> <span>${hint}</span></a>`)}<//>`}
      ${asks && job.media && html`<a class="button" href=${address("ask", job.media)}><${Icon} name="ask" /> Ask</a>`}
      ${other ? html`<a class="button" href=${address("caption", job.id)}>Close side by side</a>`
        : html`<button disabled=${!job.media} onClick=${() => ask(true)}><${Icon} name="split" /> Side by side</button>`}
      <a class="button" href="#caption"><${Icon} name="add" /> New video</a>
    </div>
    ${asking && html`<${Another} job=${job} choice=${choice} onClose=${() => ask(false)} />`}
  </header>`;
}

/** How far it is, in a few words and a colour. */
export function State({ job }) {
  const end = job.span?.end ?? 0;
  const text = {
    loading: "Loading", queued: job.position > 0 ? `Waiting, ${counted(job.position, "video")} before this one` : "Starting", running: `Watching ${clock(job.readTo, 0)} of ${clock(end, 0)}`,
    summarizing: "Writing the summary", done: "Done", failed: "Failed", cancelled: "Cancelled",
  }[job.status];
  return html`<span class=${`state ${job.status}`}><i></i>${text}</span>${job.status === "failed" && html`<span class="failure" role="alert">${job.message}</span>`}`;
}

function about(job, info) {
  const caption = job.caption;
  if (!caption) return "";
  return [counted(caption.steps.length, "step"), clock(caption.end_seconds - caption.start_seconds), `${caption.width}×${caption.height}`, info?.has_sound ? "sound" : "no sound",
    info?.preview ? "shown as a preview" : "", `${caption.provenance.model}, ${caption.mode}`].filter(Boolean).join(" · ");
}

/** Caption the same video once more, to be seen beside this caption. */
function Another({ job, choice, onClose }) {
  const session = useSession();
  const [next, choose] = useState(() => {
    const wrote = job.caption?.provenance.model; // a model writes its version behind its name
    const used = session.models.find((one) => one.name === (wrote ?? choice.model) || wrote?.startsWith(`${one.name}@`));
    const mode = job.caption?.mode ?? choice.mode;
    const other = session.models.find((one) => one !== used && !one.problem);
    return other ? { model: other.name, mode } : { model: (used ?? session.models[0]).name, mode: mode === "fast" ? "sliding" : "fast" };
  });
  const start = async (event) => {
    event.preventDefault();
    const other = await attempt(() => call("POST", "/v1/captions", { media: job.media, ...next, ...(job.span ? { start_seconds: job.span.start, end_seconds: job.span.end } : {}) }));
    if (other) { onClose(); go("caption", job.id, other.id); }
  };
  return html`<${Dialog} title="Side by side" onClose=${onClose}><form onSubmit=${start}><p>Caption this video once more, and see where the two differ.</p>
    <${Choice} choice=${next} onChoose=${choose} /><p class="row end"><button type="button" onClick=${onClose}>Cancel</button><button class="main">Caption</button></p></form><//>`;
}
