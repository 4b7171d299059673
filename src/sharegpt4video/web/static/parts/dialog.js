/** A modal dialog: the browser's own, so focus is kept inside and Escape closes it. */
import { html, useLayoutEffect, useRef } from "./preact.js";
import { Icon } from "./icons.js";

/** @param {{title: string, onClose: () => void, wide?: boolean, children: any}} props */
export function Dialog({ title, onClose, wide, children }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    box.current.showModal();
    return () => before?.focus?.();
  }, []);
  const outside = (event) => { if (event.target === box.current) onClose(); };
  return html`<dialog ref=${box} class=${wide ? "wide" : ""} aria-label=${title} onClose=${onClose} onClick=${outside}>
    <div class="inside"><header><h2>${title}</h2>
      <button class="plain" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button></header>
      ${children}</div>
  </dialog>`;
}
