/** A button with a menu below it; Escape or a click elsewhere closes it. */
import { html, useEffect, useRef, useState } from "./preact.js";
import { Icon } from "./icons.js";

/** @param {{label: string, icon?: string, children: any}} props children: elements with role menuitem */
export function Menu({ label, icon, children }) {
  const box = useRef(null);
  const [open, set] = useState(false);
  useEffect(() => {
    if (!open) return undefined;
    box.current.querySelector("[role=menuitem]")?.focus();
    const elsewhere = (event) => { if (!box.current.contains(event.target)) set(false); };
    addEventListener("pointerdown", elsewhere);
    return () => removeEventListener("pointerdown", elsewhere);
  }, [open]);
  const keys = (event) => {
    if (!open) return;
    const items = [...box.current.querySelectorAll("[role=menuitem]")];
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") { set(false); box.current.querySelector("button").focus(); }
    else if (by) items[(items.indexOf(document.activeElement) + by + items.length) % items.length].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<div class="menu" ref=${box} onKeyDown=${keys}><button aria-haspopup="menu" aria-expanded=${String(open)} onClick=${() => set(!open)}>${icon && html`<${Icon} name=${icon} />`} ${label}</button>
    ${open && html`<div role="menu" aria-label=${label} onClick=${() => set(false)}>${children}</div>`}</div>`;
}
