/** A dialog that makes a filter: what to filter by, then a range, a value, or yes and no. */
import { Dialog } from "../../parts/dialog.js";
import { html, useRef, useState } from "../../parts/preact.js";
import { spaced } from "./query.js";

const KINDS = [["word", "Words"], ["number", "Numbers"], ["flag", "Yes or no"]];
const FIRST = ["camera", "subject", "check", "split", "verdict", "failure", "max_motion", "seconds"];

/** @param {{columns: {name: string, kind: string, min: number|null, max: number|null, values: string[]|null}[], onAdd: (conditions: string[]) => void, onClose: () => void}} props */
export function Builder({ columns, onAdd, onClose }) {
  const [name, choose] = useState(() => FIRST.find((one) => columns.some((column) => column.name === one)) ?? columns[0]?.name ?? "");
  const form = useRef(null);
  const column = columns.find((one) => one.name === name);
  const submit = (event) => {
    event.preventDefault();
    const made = conditions(column, Object.fromEntries(new FormData(form.current)));
    if (made.length) onAdd(made);
  };
  return html`<${Dialog} title="Add a filter" onClose=${onClose}><form ref=${form} onSubmit=${submit}>
    <label class="field"><span>Filter by</span><select value=${name} onChange=${(event) => choose(event.target.value)}>
      ${KINDS.map(([kind, title]) => html`<optgroup key=${kind} label=${title}>${ordered(columns, kind).map((one) => html`<option key=${one.name} value=${one.name}>${spaced(one.name)}</option>`)}</optgroup>`)}</select></label>
    ${column && html`<${Value} key=${name} column=${column} />`}
    <p class="row end"><button type="button" onClick=${onClose}>Cancel</button><button class="main">Add</button></p>
  </form><//>`;
}

function ordered(columns, kind) {
  const place = (one) => (FIRST.includes(one.name) ? FIRST.indexOf(one.name) : FIRST.length);
  return columns.filter((one) => (one.kind === "flag" || one.kind === "number" ? one.kind : "word") === kind).sort((a, b) => place(a) - place(b) || a.name.localeCompare(b.name));
}

function Value({ column }) {
  if (column.kind === "number") return html`<fieldset class="range"><legend>Between</legend>
    <label><span class="unseen">At least</span><input name="least" type="number" step="any" placeholder=${short(column.min)} /></label> and
    <label><span class="unseen">At most</span><input name="most" type="number" step="any" placeholder=${short(column.max)} /></label></fieldset>
    <p class="hint">Here: ${short(column.min)} to ${short(column.max)}. An empty end is open.</p>`;
  if (column.kind === "flag") return html`<fieldset class="row"><legend class="unseen">Value</legend>
    <label class="check"><input type="radio" name="value" value="true" defaultChecked /> Yes</label><label class="check"><input type="radio" name="value" value="false" /> No</label></fieldset>`;
  const open = !column.values;
  return html`<label class="field"><span>${open ? "Contains" : "Is"}</span>${open
      ? html`<input name="part" required maxlength="200" autocomplete="off" />`
      : html`<select name="value">${column.values.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}<option value="any">any</option><option value="none">none</option></select>`}</label>
    ${!open && html`<label class="check"><input type="checkbox" name="not" /> All but this</label>`}`;
}

function conditions(column, { least, most, value, part, not }) {
  if (column.kind === "number") return [least && `${column.name}>=${least}`, most && `${column.name}<=${most}`].filter(Boolean);
  return [part ? `${column.name}~${part}` : `${column.name}${not ? "!=" : "="}${value}`];
}

/** A bound as people write it. */
function short(value) {
  if (value === null || value === undefined) return "?";
  return Number.isInteger(value) ? value.toLocaleString("en") : String(Number(value.toPrecision(3)));
}
