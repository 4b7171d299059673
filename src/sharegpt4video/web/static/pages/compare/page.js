/** The page that compares two data sets of the same videos: totals and the videos, or one video with both captions. */
import { call } from "../../api.js";
import { counted } from "../../parts/clock.js";
import { useKeys } from "../../parts/keys.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../parts/preact.js";
import { address, replace } from "../../parts/route.js";
import { useSession } from "../../parts/session.js";
import { listOf, useList } from "./list.js";
import { Totals } from "./totals.js";
import { Both } from "./both.js";

const ASK_EVERY_MS = 1000;
const FILTERS = [["", "All"], ["differ", "Say different things"], ["contradicted", "Facts contradicted"], ["uneven", "Findings differ"], ["first", "Only A says something"], ["second", "Only B does"]];
const ALL = "all";

/** @param {{args: string[]}} props args: which videos, in which order, and the one that is open */
export function Page({ args: [only = ALL, order = "different", id = ""] }) {
  const list = listOf(only === ALL ? "" : only, order);
  const [totals, waiting, failure] = useTotals();
  if (failure) return html`<div class="empty"><h1>These two cannot be compared</h1><p>${failure.message}</p></div>`;
  if (!totals) return html`<div class="empty" role="status"><h1>Comparing</h1><p>${waiting || "One moment."}</p><progress aria-label="Comparing"></progress></div>`;
  return id ? html`<${Both} key=${id} id=${id} list=${list} back=${address("compare", only, order)} open=${(next) => address("compare", only, order, next)} />`
    : html`<${Overview} totals=${totals} list=${list} only=${only} order=${order} />`;
}

let known = null;

/** The totals; asked again while the two are being compared. */
function useTotals() {
  const [state, set] = useState([known, "", null]);
  useEffect(() => {
    let timer = 0;
    const ask = () => call("GET", "/v1/compare").then((found) => { known = found; set([found, "", null]); }, (error) => {
      if (error.status !== 503) return set([null, "", error]);
      set([null, error.message, null]);
      timer = setTimeout(ask, ASK_EVERY_MS);
      return undefined;
    });
    if (!known) ask();
    return () => clearTimeout(timer);
  }, []);
  return state;
}

function Overview({ totals, list, only, order }) {
  const session = useSession();
  return html`<div class="browse"><header class="bar"><div class="what"><h1><bdi>${session.compare.a}</bdi> and <bdi>${session.compare.b}</bdi></h1><p class="about">${counted(totals.videos, "video")} captioned twice</p></div></header>
    ${totals.media_problem && html`<p class="problem-note" role="status">The videos cannot be shown. ${totals.media_problem}.</p>`}
    <${Totals} totals=${totals} />
    <div class="picks"><fieldset class="chips"><legend class="unseen">Which videos</legend>${FILTERS.map(([value, title]) => html`<button key=${value} class="chip" aria-pressed=${String((value || ALL) === only)} onClick=${() => replace("compare", value || ALL, order)}>${title}</button>`)}</fieldset>
      <label class="order"><span class="unseen">Order</span><select value=${order} onChange=${(event) => replace("compare", only, event.target.value)}><option value="different">Most different first</option><option value="listed">As listed</option></select></label></div>
    <${Videos} key=${`${only} ${order}`} list=${list} open=${(id) => address("compare", only, order, id)} /></div>`;
}

function Videos({ list, open }) {
  const box = useRef(null), end = useRef(null);
  useList(list);
  useEffect(() => {
    const watch = new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) list.more(); }, { rootMargin: "1000px" });
    watch.observe(end.current);
    return () => watch.disconnect();
  }, [list, list.items.length, list.ended]);
  useLayoutEffect(() => {
    scrollTo({ top: list.scroll });
    const card = list.opened && box.current.querySelector(`[data-id="${list.opened}"] a`);
    if (card) { card.focus({ preventScroll: true }); card.scrollIntoView({ block: "nearest" }); }
    const moved = () => { list.scroll = scrollY; };
    addEventListener("scroll", moved, { passive: true });
    return () => removeEventListener("scroll", moved);
  }, [list]);
  const move = (by) => {
    const links = [...box.current.querySelectorAll("a")];
    const from = links.indexOf(document.activeElement);
    links[Math.min(links.length - 1, Math.max(0, from < 0 ? 0 : from + by))]?.focus();
  };
  useKeys([
    { group: "Videos", keys: ["j", "n", "ArrowDown"], label: "Next video", run: () => move(1) },
    { group: "Videos", keys: ["k", "p", "ArrowUp"], label: "Video before", run: () => move(-1) },
  ]);
  return html`<ol class="pairs-list" ref=${box} aria-label="Videos">${list.items.map((one) => html`<li key=${one.id} data-id=${one.id}><${Row} pair=${one} href=${open(one.id)} /></li>`)}</ol>
    <div ref=${end} class="end">${list.failure ? html`<p class="failure" role="alert">${list.failure.message}</p>` : !list.ended ? html`<p class="waiting">Reading on</p>` : !list.items.length && html`<p>No video is like that.</p>`}</div>`;
}

function Row({ pair, href }) {
  const [gone, lose] = useState(false);
  const findings = pair.findings.map((side) => Object.values(side).reduce((sum, count) => sum + count, 0));
  return html`<a class="pair-row" href=${href}><span class="thumb">${pair.picture && !gone && html`<img src=${pair.picture} alt="" loading="lazy" onError=${() => lose(true)} />`}</span>
    <span class="pair-body"><b class="title"><bdi>${pair.video.split("/").at(-1)}</bdi></b>
      <span class="only-words"><${Only} letter="A" told=${pair.only_first} /><${Only} letter="B" told=${pair.only_second} /></span>
      <span class="hint">${counted(pair.shared, "claim")} shared · words ${pair.words.join(" / ")} · steps ${pair.steps.join(" / ")}${findings.some(Boolean) ? ` · findings ${findings.join(" / ")}` : ""}${pair.contradicted.some(Boolean) ? html` · <span class="failure">facts contradicted ${pair.contradicted.join(" / ")}</span>` : ""}</span></span></a>`;
}

function Only({ letter, told }) {
  const words = Object.values(told).flat();
  return html`<span><span class="letter">${letter}</span> ${words.length ? html`<bdi>${words.slice(0, 12).join(", ")}${words.length > 12 ? ` and ${words.length - 12} more` : ""}</bdi>` : html`<span class="hint">nothing of its own</span>`}</span>`;
}
