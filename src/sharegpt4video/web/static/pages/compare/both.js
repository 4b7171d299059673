/** One video with both captions: the player above, the texts of the same time beside each other, own words marked. */
import { call } from "../../api.js";
import { clock } from "../../parts/clock.js";
import { aligned } from "../../parts/diff.js";
import { useKeys } from "../../parts/keys.js";
import { factsOf, lanesOf } from "../../parts/lanes.js";
import { Marked } from "../../parts/marked.js";
import { useMediaInfo } from "../../parts/media.js";
import { Player } from "../../parts/player.js";
import { useMoment, usePlayback } from "../../parts/playback.js";
import { html, useEffect, useMemo, useState } from "../../parts/preact.js";
import { announce, note } from "../../parts/status.js";
import { Timeline } from "../../parts/timeline.js";
import { useList } from "./list.js";

/** @param {{id: string, list: import("./list.js").List, back: string, open: (id: string) => string}} props */
export function Both({ id, list, back, open }) {
  const [found, set] = useState(null);
  const [failure, fail] = useState(null);
  const info = useMediaInfo(found?.media ?? "");
  const playback = usePlayback(id);
  useList(list);
  useEffect(() => {
    list.opened = id;
    list.find(id);
    call("GET", `/v1/compare/videos/${encodeURIComponent(id)}`).then(set, fail);
  }, [id]);
  const walk = async (by) => {
    const next = await list.beside(id, by);
    if (!next) return note(by > 0 ? "That was the last one." : "This is the first one.");
    announce(next.video.split("/").at(-1));
    location.hash = open(next.id);
    return undefined;
  };
  useKeys([
    { group: "Videos", keys: ["n", "J"], label: "Next video", run: () => walk(1) },
    { group: "Videos", keys: ["p", "K"], label: "Video before", run: () => walk(-1) },
    { group: "Videos", keys: ["Escape"], label: "Back to the list", run: () => { location.hash = back; } },
  ]);
  if (failure) return html`<div class="empty"><h1>This video is not here</h1><p>${failure.message}</p><p><a class="button main" href=${back}>Back to the list</a></p></div>`;
  const place = list.place(id);
  return html`<div class="watch two">
    <header class="bar"><div class="what"><p class="crumbs"><a href=${back}>All videos</a>${place >= 0 && html` <span>${place + 1}</span>`}</p><h1><bdi>${found?.a.caption.video ?? "…"}</bdi></h1></div>
      <div class="row actions"><button title="Video before (p)" onClick=${() => walk(-1)}>Before</button><button class="main" title="Next video (n)" onClick=${() => walk(1)}>Next</button></div></header>
    ${found && html`<${Compared} found=${found} info=${info} playback=${playback} />`}
  </div>`;
}

function Compared({ found, info, playback }) {
  const { a, b } = found;
  const span = { start: a.caption.start_seconds, end: Math.max(a.caption.end_seconds, b.caption.end_seconds) };
  const lanes = useMemo(() => lanesOf(factsOf(a.caption.steps.length ? a.caption.steps : b.caption.steps), a.caption.sound), [found]);
  const rows = useMemo(() => aligned(a.caption.steps, b.caption.steps), [found]);
  const now = useMoment(playback, (one) => rows.findLastIndex((row) => row.start <= one.time + 0.02));
  const [chosen, choose] = useState(-1);
  const jump = (at) => { choose(at); playback.seek(rows[at].start); document.querySelector(`[data-row="${at}"]`)?.scrollIntoView({ block: "nearest" }); };
  useKeys([
    { group: "Steps", keys: ["j"], label: "Next row", run: () => rows.length && jump(Math.min(rows.length - 1, chosen + 1)) },
    { group: "Steps", keys: ["k"], label: "Row before", run: () => rows.length && jump(Math.max(0, chosen - 1)) },
  ]);
  const sides = [["A", a], ["B", b]];
  return html`<div class="stage">${info ? html`<${Player} playback=${playback} src=${`/v1/media/${found.media}`} name=${info.name} steps=${a.caption.steps} span=${span} subtitled=${false} playable=${info.playable || info.preview} />`
      : html`<div class="player"><div class="screen">${!found.media && html`<p class="broken">The video cannot be shown: ${found.media_problem}</p>`}</div></div>`}</div>
    <div class="below"><${Timeline} playback=${playback} span=${span} rows=${[{ name: "A", steps: a.caption.steps }, { name: "B", steps: b.caption.steps }]} lanes=${lanes} keyframes=${found.keyframes} onStep=${(number, row) => playback.seek(sides[row][1].caption.steps[number].start_seconds)} /></div>
    <section class="beside" aria-label="Both captions"><p class="legend"><span><mark class="only">Marked words</mark> are said by one of the two only.</span></p>
      <div class="pair heads">${sides.map(([letter, side]) => html`<div><h2><span class="letter">${letter}</span> <bdi>${side.caption.provenance.model}</bdi></h2></div>`)}</div>
      <div class="pair summaries">${sides.map(([letter, side]) => html`<div class="card"><h3>Summary</h3><${Text} side=${side} step=${null} letter=${letter} /></div>`)}</div>
      <ol class="rows">${rows.map((row, at) => html`<li key=${at} data-row=${at} class=${`${at === now ? "now" : ""} ${at === chosen ? "chosen" : ""}`} aria-current=${at === now ? "step" : null}>
        <button class="chip" aria-label=${`Jump to ${clock(row.start)}`} onClick=${() => jump(at)}>${clock(row.start)}</button>
        <div class="pair">${[[a, row.a, "A"], [b, row.b, "B"]].map(([side, steps, letter]) => html`<div><span class="letter">${letter}</span>${steps.length ? steps.map((step) => html`<${Text} key=${step} side=${side} step=${step} letter=${letter} />`) : html`<p class="nothing">nothing here</p>`}</div>`)}</div></li>`)}</ol>
    </section>`;
}

/** One text with its marks, and what the checks found in it; a contradicted fact stands out. */
function Text({ side, step, letter }) {
  const marked = side.texts.find((one) => one.step === step);
  const plain = step === null ? side.caption.summary : side.caption.steps[step].text;
  const contradicted = new Set(side.contradicted.map((one) => `${one.check} ${one.step} ${one.reason}`));
  return html`${marked ? html`<${Marked} text=${marked.text} spans=${marked.marks.map((one) => ({ start: one.start, end: one.end, kind: "only", label: `only in ${letter}` }))} />` : html`<p class="marked" dir="auto">${plain || html`<span class="nothing">nothing</span>`}</p>`}
    ${side.findings.filter((one) => one.step === step).map((one) => html`<p class=${`problem-note ${contradicted.has(`${one.check} ${one.step} ${one.reason}`) ? "against" : ""}`}><b>${contradicted.has(`${one.check} ${one.step} ${one.reason}`) ? "Contradicts what was measured" : one.check}</b> ${one.reason}</p>`)}`;
}
