/** The captions as cards with a keyframe each; more come as the end of the page comes near. */
import { clock, counted } from "../../parts/clock.js";
import { Icon } from "../../parts/icons.js";
import { useKeys } from "../../parts/keys.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../parts/preact.js";
import { address } from "../../parts/route.js";
import { useRows } from "./rows.js";
import { written } from "./query.js";

const AHEAD = "1200px";
const VERDICTS = { accept: ["check", "Accepted"], reject: ["close", "Rejected"] };

/** @param {{rows: import("./rows.js").Rows, onSearch: () => void}} props */
export function Grid({ rows, onSearch }) {
  const list = useRef(null), end = useRef(null);
  useRows(rows);
  useEffect(() => {
    const watch = new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) rows.more(); }, { rootMargin: AHEAD });
    watch.observe(end.current);
    return () => watch.disconnect();
  }, [rows, rows.items.length, rows.ended]);
  useScroll(rows, list);
  useGridKeys(list, onSearch);
  return html`<ul class="grid" ref=${list} aria-label="Captions">${rows.items.map((one) => html`<${Card} key=${one.id} item=${one} query=${rows.query} />`)}</ul>
    <div ref=${end} class="end">
      ${rows.failure ? html`<p class="failure" role="alert">${rows.failure.message}</p>`
        : rows.isEmpty ? html`<p>${rows.query.q || rows.query.where.length || rows.query.like ? "Nothing in this data set is like that." : "No captions yet. They appear as the build writes them."}</p>`
          : !rows.ended ? html`<p class="waiting">${rows.waiting || "Reading on"}</p>`
            : rows.items.length > 12 && html`<p class="hint">That is all: ${counted(rows.items.length, "caption")}.</p>`}
    </div>`;
}

function Card({ item, query }) {
  const [icon, verdict] = VERDICTS[item.verdict] ?? [];
  const body = html`<span class="thumb">${item.picture && html`<${Picture} src=${item.picture} />`}
      ${!item.failure && html`<b class="length">${clock(item.seconds, item.seconds < 10 ? 1 : 0)}</b>`}
      ${verdict && html`<span class=${`verdict ${item.verdict}`} title=${verdict}><${Icon} name=${icon} /><span class="unseen">${verdict}</span></span>`}</span>
    <span class="head"><b class="title"><bdi>${item.video}</bdi></b>${item.findings > 0 && html`<span class="count" title=${counted(item.findings, "finding")}>${item.findings}<span class="unseen"> ${item.findings === 1 ? "finding" : "findings"}</span></span>`}</span>
    <span class="text" dir="auto">${item.failure ? html`<span class="failure">${item.failure}: ${item.message}</span>` : item.summary}</span>`;
  return html`<li class=${item.kept === false ? "dropped" : ""} data-id=${item.id}>${item.failure
      ? html`<div class="tile failed" tabindex="0">${body}</div>`
      : html`<a class="tile" href=${address("dataset", written(query), item.id)}>${body}</a>`}</li>`;
}

/** A picture that may not be there any more: its video was moved. */
function Picture({ src }) {
  const [gone, lose] = useState(false);
  return !gone && html`<img src=${src} alt="" loading="lazy" decoding="async" onError=${() => lose(true)} />`;
}

/** Who comes back finds the page where it was, with the focus on the card that was opened last. */
function useScroll(rows, list) {
  useLayoutEffect(() => {
    const before = rows.scroll, card = rows.opened && list.current.querySelector(`[data-id="${rows.opened}"] .tile`);
    scrollTo({ top: before });
    if (card) { card.focus({ preventScroll: true }); card.scrollIntoView({ block: "nearest" }); }
    const moved = () => { rows.scroll = scrollY; };
    addEventListener("scroll", moved, { passive: true });
    return () => removeEventListener("scroll", moved);
  }, [rows]);
}

function useGridKeys(list, onSearch) {
  const move = (by) => {
    const tiles = [...list.current.querySelectorAll(".tile")];
    if (!tiles.length) return;
    const from = tiles.findIndex((one) => one === document.activeElement);
    const top = tiles[0].getBoundingClientRect().top;
    const across = Math.max(1, tiles.findIndex((one) => Math.abs(one.getBoundingClientRect().top - top) > 4));
    const to = from < 0 ? 0 : Math.min(tiles.length - 1, Math.max(0, from + (Math.abs(by) === 1 ? by : Math.sign(by) * across)));
    tiles[to].focus();
  };
  useKeys([
    { group: "Captions", keys: ["ArrowRight", "n", "j"], label: "Next card", run: () => move(1) },
    { group: "Captions", keys: ["ArrowLeft", "p", "k"], label: "Card before", run: () => move(-1) },
    { group: "Captions", keys: ["ArrowDown"], label: "Card below", run: () => move(2) },
    { group: "Captions", keys: ["ArrowUp"], label: "Card above", run: () => move(-2) },
    { group: "Captions", keys: ["/"], label: "Search", run: onSearch },
  ]);
}
