/** Plain .txt captions beside videos, made the summaries of these videos. */
import { call } from "../../api.js";
import { counted } from "../../parts/clock.js";
import { Dialog } from "../../parts/dialog.js";
import { html, useRef, useState } from "../../parts/preact.js";
import { useSession } from "../../parts/session.js";
import { attempt } from "../../parts/status.js";
import { author } from "./author.js";

/** @param {{onClose: () => void, onChanged: () => void}} props */
export function Importing({ onClose, onChanged }) {
  const session = useSession();
  const field = useRef(null);
  const [busy, work] = useState(false);
  const [done, set] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    work(true);
    const found = await attempt(() => call("POST", "/v1/dataset/import", { path: field.current.value.trim(), author: author() ?? "" }));
    work(false);
    if (!found) return;
    set(found);
    if (found.imported) onChanged();
  };
  const roots = session.roots.map((one) => one.name).join(", ");
  return html`<${Dialog} title="Import texts" onClose=${onClose}><form onSubmit=${submit}>
    <p>Each <code>clip.txt</code> in a folder becomes the summary of the video <code>clip.mp4</code>. The whole import can be undone under “Change many”.</p>
    ${roots ? html`<label class="field"><span>Folder in <bdi>${roots}</bdi></span><input ref=${field} required maxlength="4096" spellcheck=${false} autocomplete="off" dir="auto" autofocus /></label>
      <p class="row end"><button type="button" onClick=${onClose}>${done ? "Close" : "Cancel"}</button><button class="main" disabled=${busy}>${busy ? "Reading" : "Import"}</button></p>`
      : html`<p class="problem-note">No folder may be opened here: start sg4v web with --root DIR.</p>`}</form>
    ${done && html`<section role="status"><h3>${counted(done.imported, "text")} imported${done.unchanged ? `, ${done.unchanged.toLocaleString("en")} were there already` : ""}</h3>
      ${done.skipped.length > 0 && html`<p>${counted(done.skipped.length, "file")} left out:</p><ul class="skipped">${done.skipped.slice(0, 200).map((one) => html`<li><b><bdi>${one.file}</bdi></b> ${one.reason}</li>`)}</ul>`}</section>`}
  <//>`;
}
