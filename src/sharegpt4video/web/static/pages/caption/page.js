/** The caption page: choose a video, then watch it with its steps, alone or side by side with another caption. */
import { html, useEffect, useState } from "../../parts/preact.js";
import { Start, useOpening } from "./start.js";
import { Watch } from "./watch.js";

/** @param {{args: string[]}} props args: the job, and the one it is compared with */
export function Page({ args: [first = "", second = ""] }) {
  const opening = useOpening();
  const over = useDropAnywhere(opening.openFile);
  return html`${first ? html`<${Watch} key=${first} first=${first} second=${second} choice=${opening.choice} />` : html`<${Start} opening=${opening} />`}
    ${first && opening.busy && html`<p class="uploading" role="status">${opening.busy.text}</p>`}
    ${over && html`<div class="drop-over"><p>Drop it: captions start at once</p></div>`}`;
}

/** A file dropped anywhere on the page is opened. Returns whether one hovers over it. */
function useDropAnywhere(open) {
  const [over, set] = useState(false);
  useEffect(() => {
    let depth = 0;
    const files = (event) => event.dataTransfer?.types.includes("Files");
    const handlers = {
      dragenter: (event) => { if (files(event)) { depth += 1; set(true); } },
      dragleave: (event) => { if (files(event) && --depth <= 0) { depth = 0; set(false); } },
      dragover: (event) => { if (files(event)) event.preventDefault(); },
      drop: (event) => {
        if (!files(event)) return;
        event.preventDefault();
        depth = 0;
        set(false);
        if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
      },
    };
    for (const [name, handle] of Object.entries(handlers)) addEventListener(name, handle);
    return () => { for (const [name, handle] of Object.entries(handlers)) removeEventListener(name, handle); };
  });
  return over;
}
