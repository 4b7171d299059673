/** The data set page: search, filters and cards; or one video on the desk. */
import { call } from "../../api.js";
import { html, useEffect, useMemo, useRef, useState } from "../../parts/preact.js";
import { counted } from "../../parts/clock.js";
import { go, replace } from "../../parts/route.js";
import { announce, complain } from "../../parts/status.js";
import { Bulk } from "./bulk.js";
import { forget } from "./captions.js";
import { Grid } from "./grid.js";
import { Importing } from "./importing.js";
import { LiveBar, useLive } from "./live.js";
import { EVERYTHING, read, written } from "./query.js";
import { forgetRows, rowsOf } from "./rows.js";
import { Search } from "./search.js";
import { Video } from "./video.js";

/** @param {{args: string[]}} props args: what is asked for, and the video on the desk */
export function Page({ args: [asked = "", id = ""] }) {
  const text = written(read(asked));
  const [version, renew] = useState(0);
  const rows = useMemo(() => rowsOf(read(text)), [text, version]);
  const again = () => { forgetRows(); forget(); renew((one) => one + 1); };
  return id ? html`<${Video} id=${id} rows=${rows} />` : html`<${Browse} rows=${rows} version=${version} again=${again} />`;
}

function Browse({ rows, version, again }) {
  const field = useRef(null);
  const [dialog, show] = useState("");
  const [set, setSet] = useState(null);
  const live = useLive();
  const query = rows.query;
  useEffect(() => { overview().then(setSet, complain); }, [version, live?.building]);
  useEffect(() => { if (rows.wantsSearch) { rows.wantsSearch = false; field.current.focus(); } }, [rows]);
  const fresh = useFresh(live, version);
  const ask = (next) => replace("dataset", written(next));
  const counts = live?.counts ?? set?.counts;
  const like = useNameOf(query.like);
  return html`<div class="browse"><header class="bar"><div class="what"><h1><bdi>${set?.name ?? "Data set"}</bdi></h1>
      <p class="about">${counts && html`<span>${told(counts, set)}</span>`}</p></div>
      <div class="row actions"><button onClick=${() => show("import")}>Import texts</button><button onClick=${() => show("bulk")}>Change many</button></div></header>
    <${LiveBar} live=${live} fresh=${fresh} onFresh=${() => { announce("Reloading the list."); again(); scrollTo({ top: 0 }); }} onFailed=${() => go("dataset", written({ ...EVERYTHING, where: ["failure=any"] }))} />
    ${set?.media_problem && html`<p class="problem-note" role="status">The videos cannot be shown. ${set.media_problem}.</p>`}
    ${set?.problems.map((one) => html`<p class="problem-note">${one}</p>`)}
    <${Search} query=${query} onQuery=${ask} columns=${set?.columns ?? []} likeName=${like} field=${field} />
    <${Grid} key=${`${written(query)} ${version}`} rows=${rows} onSearch=${() => { field.current.focus(); field.current.select(); }} />
    ${dialog === "bulk" && html`<${Bulk} query=${query} onClose=${() => show("")} onChanged=${again} />`}
    ${dialog === "import" && html`<${Importing} onClose=${() => show("")} onChanged=${again} />`}
  </div>`;
}

/** What the data set is; asked again while its index is being made. */
async function overview() {
  for (;;) try {
    return await call("GET", "/v1/dataset");
  } catch (error) {
    if (error.status !== 503) throw error;
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

/** How many captions came since the list was read. */
function useFresh(live, version) {
  const before = useRef({ version: -1, captions: 0 });
  if (live && before.current.version !== version) before.current = { version, captions: live.counts.captions };
  const fresh = live ? Math.max(0, live.counts.captions - before.current.captions) : 0;
  useEffect(() => { if (fresh) announce(`${counted(fresh, "new caption")}.`); }, [fresh]);
  return fresh;
}

function useNameOf(id) {
  const [name, set] = useState("");
  useEffect(() => {
    set("");
    if (/^[0-9a-f]{32}$/.test(id)) call("GET", `/v1/dataset/captions/${id}`).then((whole) => set(whole.caption.video), () => set("a video that is not here"));
  }, [id]);
  return name || (id.length === 32 ? "…" : id);
}

function told(counts, set) {
  const parts = [counted(counts.captions, "caption"), counts.reviewed && `${counts.reviewed.toLocaleString("en")} reviewed`, counts.dropped && `${counts.dropped.toLocaleString("en")} dropped by filters`,
    ...Object.entries(set?.splits ?? {}).map(([name, count]) => `${name} ${count.toLocaleString("en")}`), set?.model];
  return parts.filter(Boolean).join(" · ");
}
