/**
 * Keys of a page, and the help that lists them. A part says which keys it hears while it is there; what is typed into
 * a field is never taken for a key, nor anything with Ctrl, Alt or Meta.
 */
import { html, useEffect, useRef } from "./preact.js";
import { Dialog } from "./dialog.js";

/** @typedef {{keys: string[], label: string, run: (event: KeyboardEvent) => void, group?: string}} Binding */

const active = new Set();
const NAMES = { " ": "space", ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };

/** @param {Element} target whether keys belong to it */
function takesKeys(target, key) {
  if (target.closest?.("input, textarea, select, [contenteditable], dialog")) return true;
  if (target.closest?.("[role=slider]") && key.startsWith("Arrow")) return true;
  return [" ", "Enter"].includes(key) && Boolean(target.closest?.("button, a, summary, label"));
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || takesKeys(event.target, event.key)) return;
  for (const layer of layers()) {
    const binding = layer.current.find((one) => one.keys.includes(event.key));
    if (binding) {
      event.preventDefault();
      binding.run(event);
      return;
    }
  }
});

/** What was clicked with a pointer keeps no focus here, or the space bar would press it again instead of playing. */
addEventListener("click", (event) => {
  if (event.detail > 0) event.target.closest?.(".thumb, .timeline button, .controls button")?.blur();
});

/** Those that are heard first come first: a page's own keys, then the part that was shown last. */
const layers = () => [...active].reverse().sort((a, b) => b.first - a.first);

/**
 * Hear these keys while the part is shown.
 * @param {Binding[]} bindings @param {boolean} [first] before all parts, whenever these were shown
 */
export function useKeys(bindings, first = false) {
  const layer = useRef(bindings);
  Object.assign(layer, { current: bindings, first });
  useEffect(() => { active.add(layer); return () => active.delete(layer); }, []);
}

/** All keys that work now, by group. @param {{onClose: () => void}} props */
export function KeyHelp({ onClose }) {
  const groups = new Map(), taken = new Set();
  for (const { current } of layers()) for (const one of current) {
    const keys = one.keys.filter((key) => !taken.has(key));
    keys.forEach((key) => taken.add(key));
    const name = one.group ?? "Anywhere";
    if (keys.length) groups.set(name, [...(groups.get(name) ?? []), { ...one, keys }]);
  }
  return html`<${Dialog} title="Keys" onClose=${onClose}>
    <div class="key-groups">${[...groups].map(([name, bindings]) => html`<section key=${name}><h3>${name}</h3><dl class="key-list">
      ${bindings.map((one) => html`<div><dt>${one.keys.map((key) => html`<kbd>${NAMES[key] ?? key}</kbd>`)}</dt><dd>${one.label}</dd></div>`)}
    </dl></section>`)}</div>
  <//>`;
}
