/** The summary of the whole video, edited in place. */
import { Editor } from "../../parts/editor.js";
import { Icon } from "../../parts/icons.js";
import { html, useState } from "../../parts/preact.js";
import { copy } from "../../parts/status.js";

/**
 * @param {{job: {summary: string, problem: string, status: string}, editable: boolean, save: (text: string, was: string) => Promise<void>, onTheirs: (text: string) => void,
 *   editing?: boolean, onEdit?: (editing: boolean) => void, children?: any}} props `editing` and `onEdit` for a page that has a key for it
 */
export function Summary({ job, editable, save, onTheirs, editing: asked, onEdit, children }) {
  const [own, set] = useState(false);
  const editing = asked ?? own, edit = onEdit ?? set;
  const leave = (theirs) => { if (theirs !== undefined) onTheirs(theirs); edit(false); };
  if (!job.summary && job.status !== "summarizing" && !editable) return null;
  return html`<section class="card summary" aria-label="Summary"><header><h2>Summary</h2><span class="grow"></span>
      ${job.summary && html`<button class="plain" aria-label="Copy the summary" title="Copy" onClick=${() => copy(job.summary)}><${Icon} name="copy" /></button>`}
      ${editable && html`<button class="plain" aria-label="Edit the summary" title="Edit" onClick=${() => edit(true)}><${Icon} name="edit" /></button>`}</header>
    ${editing
      ? html`<${Editor} text=${job.summary} label="Text of the summary" save=${save} onLeave=${leave} />`
      : job.summary ? html`<p class="words" dir="auto">${job.summary}</p>` : html`<p class="waiting">Writing</p>`}
    ${job.problem && html`<p class="problem-note"><b>Not to be trusted:</b> ${job.problem}</p>`}
    ${children}
  </section>`;
}
