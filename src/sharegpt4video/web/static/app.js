/** The shell: the header with the pages that this session offers, the page itself, and what it says. */
import { call } from "./api.js";
import { Icon } from "./parts/icons.js";
import { KeyHelp, useKeys } from "./parts/keys.js";
import { html, render, useEffect, useRef, useState } from "./parts/preact.js";
import { useRoute } from "./parts/route.js";
import { Session } from "./parts/session.js";
import { Status } from "./parts/status.js";

/** The pages: `offered` says whether a session has what the page needs. Their modules are loaded when first shown. */
const PAGES = [
  { name: "caption", title: "Caption", load: () => import("./pages/caption/page.js"), offered: () => true },
  { name: "ask", title: "Ask", load: () => import("./pages/ask.js"), offered: (session) => session.models.some((model) => model.sees_images) },
  { name: "recaption", title: "Re-caption", load: () => import("./pages/recaption.js"), offered: () => true },
  { name: "dataset", title: "Data set", load: () => import("./pages/dataset/page.js"), offered: (session) => Boolean(session.dataset) },
  { name: "compare", title: "Compare", load: () => import("./pages/compare/page.js"), offered: (session) => Boolean(session.compare) },
];

function App() {
  const [session, setSession] = useState(null);
  const [failure, fail] = useState(null);
  const [help, showHelp] = useState(false);
  const { page, args } = useRoute();
  useEffect(() => { call("GET", "/v1/session").then(setSession, fail); }, []);
  useKeys([{ keys: ["?"], label: "Show the keys", run: () => showHelp(true) }]);
  const offered = session ? PAGES.filter((one) => one.offered(session)) : [];
  const shown = offered.find((one) => one.name === page) ?? offered[0];
  const nav = useRef(null);
  useEffect(() => {
    if (!shown) return;
    document.title = `${shown.title} · sg4v`;
    const link = nav.current.querySelector("[aria-current]");
    nav.current.scrollLeft = link.offsetLeft - nav.current.offsetLeft - (nav.current.clientWidth - link.offsetWidth) / 2;
  }, [shown]);
  return html`<a class="skip" href="#main" onClick=${skip}>Skip to the page</a>
    <header class="top"><a class="brand" href="#caption" aria-label="sg4v, start page"><i></i><span>sg4v</span></a>
      <nav aria-label="Pages" ref=${nav}>${offered.map((one) => html`<a key=${one.name} href=${`#${one.name}`} aria-current=${one === shown ? "page" : null}>${one.title}</a>`)}</nav>
      <span class="grow"></span>
      <button class="plain" aria-label="Keys" title="Keys (?)" onClick=${() => showHelp(true)}><${Icon} name="keyboard" /></button></header>
    <main id="main" tabindex="-1">
      ${failure && html`<div class="empty"><h1>The page cannot reach its server</h1><p>${failure.message}</p></div>`}
      ${shown && html`<${Session.Provider} value=${session}><${Page} key=${shown.name} load=${shown.load} args=${args} /><//>`}
    </main>
    <${Status} />
    ${help && html`<${KeyHelp} onClose=${() => showHelp(false)} />`}`;
}

/** The link leads to an element, and addresses behind "#" are pages here: so move the focus by hand. */
function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function Page({ load, args }) {
  const [found, set] = useState(null);
  useEffect(() => { load().then(set, () => set({ Page: Missing })); }, []);
  return found && html`<${found.Page} args=${args} />`;
}

function Missing() {
  return html`<div class="empty"><h1>This page could not be loaded</h1><p>Reload it; if that does not help, start the server again.</p></div>`;
}

render(html`<${App} />`, document.getElementById("app"));
performance.mark("usable");
