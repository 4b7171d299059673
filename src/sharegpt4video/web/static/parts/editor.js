/** A text edited in place. When somebody else changed it meanwhile, both texts are shown and one is chosen. */
import { html, useLayoutEffect, useRef, useState } from "./preact.js";
import { compared } from "./diff.js";
import { Pieces } from "./marked.js";
import { note } from "./status.js";

/**
 * @param {{text: string, label: string, save: (text: string, was: string) => Promise<void>, onLeave: (theirs?: string) => void}} props
 *   `save` throws an error with status 409 and `body.theirs` where `was` is not the text there now
 */
export function Editor({ text, label, save, onLeave }) {
  const box = useRef(null);
  const [was] = useState(text);
  const [theirs, conflict] = useState(null);
  const [busy, work] = useState(false);
  // Before the next key comes: what is typed right away belongs to the text.
  useLayoutEffect(() => {
    box.current.focus();
    box.current.setSelectionRange(text.length, text.length);
  }, []);
  const store = async (mine, before) => {
    if (mine === before) return onLeave();
    work(true);
    try {
      await save(mine, before);
      onLeave();
    } catch (error) {
      if (error.status === 409) conflict(error.body.theirs);
      else note(`Not saved: ${error.message}`, "error");
    } finally {
      work(false);
    }
  };
  const keys = (event) => {
    if (event.key === "Escape") onLeave();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) store(box.current.value, was);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<div class="editor" onClick=${(event) => event.stopPropagation()}>
    <textarea ref=${box} aria-label=${label} dir="auto" rows=${Math.max(2, Math.ceil(text.length / 55))} maxlength="20000" disabled=${busy} onKeyDown=${keys} defaultValue=${text}></textarea>
    ${theirs === null
      ? html`<p class="row"><button class="main" disabled=${busy} onClick=${() => store(box.current.value, was)}>Save</button>
          <button onClick=${() => onLeave()}>Cancel</button><span class="hint">Ctrl+Enter saves, Esc cancels</span></p>`
      : html`<${Conflict} mine=${box.current.value} theirs=${theirs} busy=${busy} onMine=${() => store(box.current.value, theirs)} onTheirs=${() => onLeave(theirs)} />`}
  </div>`;
}

/** Both texts of a conflict; marks show what only one of them says. */
export function Conflict({ mine, theirs, busy, onMine, onTheirs }) {
  const { a, b } = compared(mine, theirs);
  return html`<div class="conflict" role="alert"><p><b>Somebody else changed this text meanwhile.</b> Which one shall stay?</p>
    <div class="both"><section><h4>Yours</h4><${Pieces} pieces=${a} label="only yours" /><button class="main" disabled=${busy} onClick=${onMine}>Keep mine</button></section>
      <section><h4>Theirs</h4><${Pieces} pieces=${b} label="only theirs" /><button disabled=${busy} onClick=${onTheirs}>Take theirs</button></section></div></div>`;
}
