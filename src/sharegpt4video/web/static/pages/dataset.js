import { html } from "../parts/preact.js";

export function Page() {
  return html`<h1>Data set</h1>`;
}
