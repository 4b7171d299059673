/** Texts that contradict each other: two people, or a person and a repair, did not know of each other. Both are shown. */
import { compared } from "../../parts/diff.js";
import { Editor } from "../../parts/editor.js";
import { Pieces } from "../../parts/marked.js";
import { html, useState } from "../../parts/preact.js";

/** @param {{conflicts: object[], save: (step: number|null, text: string, was: string) => Promise<void>, onDone: () => void}} props */
export function Conflicts({ conflicts, save, onDone }) {
  return conflicts.map((one, at) => html`<${Settle} key=${`${one.step} ${at}`} conflict=${one} save=${save} onDone=${onDone} />`);
}

function Settle({ conflict, save, onDone }) {
  const [merging, merge] = useState(false);
  const { step, mine, theirs } = conflict;
  const { a, b } = compared(mine, theirs);
  const where = step === null ? "the summary" : `step ${step + 1}`;
  const choose = async (text) => { if (await save(step, text, theirs)) onDone(); };
  return html`<section class="conflict" role="group" aria-label=${`Two texts for ${where}`}><p><b>Two texts for ${where}.</b> Neither was made from the other; the one on the right counts until somebody decides.</p>
    ${merging ? html`<${Editor} text=${`${theirs}\n${mine}`} label="Merged text" save=${(text) => save(step, text, theirs, true)} onLeave=${() => { merge(false); onDone(); }} />`
      : html`<div class="both"><section><h4><bdi>${conflict.author || "The model"}</bdi></h4><${Pieces} pieces=${a} label="only here" /><button onClick=${() => choose(mine)}>Take this one</button></section>
        <section><h4>Counts now</h4><${Pieces} pieces=${b} label="only here" /><p class="row"><button class="main" onClick=${() => choose(theirs)}>Keep this one</button><button onClick=${() => merge(true)}>Merge</button></p></section></div>`}
  </section>`;
}
