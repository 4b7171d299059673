import { html } from "../parts/preact.js";

export function Page() {
  return html`<h1>Compare</h1>`;
}
