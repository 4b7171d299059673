/** The head of the data set: words to search for, filters as chips, their builder, the order. */
import { Icon } from "../../parts/icons.js";
import { html, useEffect, useRef, useState } from "../../parts/preact.js";
import { asWords, isNarrowed } from "./query.js";
import { Builder } from "./builder.js";

const ORDERS = [["", "Best match"], ["id", "By id"], ["finding", "Most findings"], ["newest", "Newest"]];
const TYPING_MS = 300;
const QUICK = ["verdict=none", "findings>0", "verdict=accept", "verdict=reject", "edited=true", "failure=any"];

/**
 * @param {{query: import("./query.js").Query, onQuery: (query: import("./query.js").Query) => void, columns: object[], likeName: string, field: object}} props
 *   `likeName`: the video that others are to be like; `field`: a ref, for the key that leads there
 */
export function Search({ query, onQuery, columns, likeName, field }) {
  const [building, build] = useState(false);
  const sent = useRef(query.q), timer = useRef(0), latest = useRef(query);
  latest.current = query;
  // What is being typed stays; what comes from elsewhere (the address, a button) is shown.
  useEffect(() => { if (query.q !== sent.current) field.current.value = sent.current = query.q; }, [query.q]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const send = () => {
    clearTimeout(timer.current);
    sent.current = field.current.value.trim();
    if (sent.current !== latest.current.q) onQuery({ ...latest.current, q: sent.current });
  };
  const submit = (event) => { event.preventDefault(); send(); };
  const typed = () => { clearTimeout(timer.current); timer.current = setTimeout(send, TYPING_MS); };
  const without = (condition) => onQuery({ ...query, where: query.where.filter((one) => one !== condition) });
  const toggle = (condition) => (query.where.includes(condition) ? without(condition) : onQuery({ ...query, where: [...query.where, condition] }));
  const special = query.where.filter((one) => !QUICK.includes(one));
  return html`<div class="search"><form role="search" onSubmit=${submit}><${Icon} name="search" />
      <input ref=${field} type="search" aria-label="Search the captions" placeholder="Words in the captions" maxlength="500" autocomplete="off" spellcheck=${false} defaultValue=${query.q} onSearch=${submit} onInput=${typed} />
      <kbd aria-hidden="true">/</kbd></form>
    <label class="order"><span class="unseen">Order</span><select value=${query.order} onChange=${(event) => onQuery({ ...query, order: event.target.value })}>
      ${ORDERS.map(([value, title]) => html`<option key=${value} value=${value}>${value || isNarrowed(query) ? title : "As listed"}</option>`)}</select></label>
    <div class="chips" role="group" aria-label="Filters">
      ${QUICK.map((one) => html`<button key=${one} class="chip quick" aria-pressed=${String(query.where.includes(one))} onClick=${() => toggle(one)}>${capital(asWords(one))}</button>`)}
      ${query.like && html`<button class="chip on" aria-label=${`Remove: like ${likeName}`} onClick=${() => onQuery({ ...query, like: "" })}><bdi>like ${likeName}</bdi> <${Icon} name="close" /></button>`}
      ${special.map((one) => html`<button key=${one} class="chip on" aria-label=${`Remove the filter ${asWords(one)}`} onClick=${() => without(one)}><bdi>${asWords(one)}</bdi> <${Icon} name="close" /></button>`)}
      <button class="chip" onClick=${() => build(true)}><${Icon} name="add" /> Filter</button>
      ${isNarrowed(query) && html`<button class="plain small" onClick=${() => onQuery({ q: "", like: "", order: query.order, where: [] })}>Clear</button>`}
    </div>
    ${building && html`<${Builder} columns=${columns} onClose=${() => build(false)} onAdd=${(more) => { build(false); onQuery({ ...query, where: [...query.where.filter((one) => !more.includes(one)), ...more] }); }} />`}
  </div>`;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
