/** Whose reviews these are: asked once, then kept in this browser. */
import { Dialog } from "../../parts/dialog.js";
import { html, useRef } from "../../parts/preact.js";

const PLACE = "sg4v author";

/** @returns {string|null} null where nobody was asked yet */
export function author() {
  try { return localStorage.getItem(PLACE); } catch { return ""; }
}

function keep(name) {
  try { localStorage.setItem(PLACE, name); } catch { /* A browser that keeps nothing asks again next time. */ }
}

/** @param {{onDone: (name: string) => void, onClose: () => void}} props */
export function AskAuthor({ onDone, onClose }) {
  const field = useRef(null);
  const submit = (event) => {
    event.preventDefault();
    const name = field.current.value.trim();
    keep(name);
    onDone(name);
  };
  return html`<${Dialog} title="Who is reviewing?" onClose=${onClose}><form onSubmit=${submit}>
    <label class="field"><span>Your name</span><input ref=${field} maxlength="200" autocomplete="name" defaultValue=${author() ?? ""} autofocus /></label>
    <p class="hint">It stands beside your reviews, so that others know whom to ask. You may leave it empty.</p>
    <p class="row end"><button type="button" onClick=${onClose}>Cancel</button><button class="main">Go on</button></p></form><//>`;
}
