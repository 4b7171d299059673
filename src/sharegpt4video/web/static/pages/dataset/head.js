/** The head of a video on the desk: where it is in the list, how it was judged, and the buttons for what keys do. */
import { counted } from "../../parts/clock.js";
import { Icon } from "../../parts/icons.js";
import { html } from "../../parts/preact.js";
import { address } from "../../parts/route.js";
import { Warnings } from "../../parts/warnings.js";
import { written } from "./query.js";

/** @param {{whole: import("./captions.js").Whole|null, id: string, rows: import("./rows.js").Rows, judge: Function, walk: Function, undo: Function}} props */
export function Head({ whole, id, rows, judge, walk, undo }) {
  const place = rows.place(id), item = rows.items[place];
  const verdict = item?.verdict ?? whole?.verdict ?? "";
  const total = rows.total ?? (rows.ended ? rows.items.length : null);
  return html`<header class="bar"><div class="what"><p class="crumbs"><a href=${address("dataset", written(rows.query))}>All captions</a>${place >= 0 && html` <span>${(place + 1).toLocaleString("en")}${total !== null && ` of ${total.toLocaleString("en")}`}</span>`}</p>
      <h1><bdi>${whole?.caption.video ?? item?.video ?? "…"}</bdi></h1>
      <p class="about">${verdict && html`<span class=${`judged ${verdict}`}><${Icon} name=${verdict === "accept" ? "check" : "close"} /> ${verdict === "accept" ? "Accepted" : "Rejected"}${whole?.verdict_is_stale && ", before it was edited"}</span>`}
        ${whole?.findings.length > 0 && html`<span class="count">${counted(whole.findings.length, "finding")}</span>`}${whole && html`<span>${summed(whole)}</span>`}</p><${Warnings} caption=${whole?.caption} /></div>
    <div class="row actions">
      <button aria-label="Video before" title="Video before (p)" onClick=${() => walk(-1)}><${Icon} name="previous" /></button>
      <button aria-label="Next video" title="Next video (n)" onClick=${() => walk(1)}><${Icon} name="next" /></button>
      <a class="button" title="Videos like this one (s)" href=${address("dataset", written({ q: "", like: id, order: "", where: [] }))}>Like this</a>
      <button title="Undo the last review (u)" onClick=${undo}>Undo</button>
      <button class="reject" aria-pressed=${String(verdict === "reject")} title="Reject and go on (r)" disabled=${!whole} onClick=${() => judge("reject")}><${Icon} name="close" /> Reject</button>
      <button class="main accept" aria-pressed=${String(verdict === "accept")} title="Accept and go on (a)" disabled=${!whole} onClick=${() => judge("accept")}><${Icon} name="check" /> Accept</button>
    </div>
  </header>`;
}

function summed({ caption, selection }) {
  return [counted(caption.steps.length, "step"), selection && (selection.kept ? selection.split : "dropped by the filters"), caption.edits.length > 0 && counted(caption.edits.length, "edited text")].filter(Boolean).join(" · ");
}
