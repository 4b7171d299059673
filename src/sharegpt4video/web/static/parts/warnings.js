/** What could not be read of a video: a caption of half a film must not look like one of the whole. */
import { html } from "./preact.js";

/** @param {{caption: {warnings: string[]}|null}} props */
export function Warnings({ caption }) {
  return caption?.warnings.map((one) => html`<p key=${one} class="problem-note" dir="auto"><b>While reading:</b> ${one}</p>`);
}
