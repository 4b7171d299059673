/** Which model, and how it reads the video. */
import { html } from "./preact.js";
import { useSession } from "./session.js";

const MODES = [
  { name: "sliding", title: "Sliding", hint: "A step for each change" },
  { name: "fast", title: "Fast", hint: "One look at all keyframes" },
];

/** @returns {{model: string, mode: "sliding"|"fast"}} */
export function defaultChoice(session) {
  return { model: (session.models.find((one) => one.default && !one.problem) ?? session.models.find((one) => !one.problem) ?? session.models[0])?.name ?? "", mode: "sliding" };
}

/** @param {{choice: {model: string, mode: string}, onChoose: (choice: object) => void, modes?: boolean, models?: object[]}} props */
export function Choice({ choice, onChoose, modes = true, models }) {
  const offered = models ?? useSession().models;
  return html`<div class="choice">
    <label><span>Model</span><select value=${choice.model} onChange=${(event) => onChoose({ ...choice, model: event.target.value })}>
      ${offered.map((one) => html`<option key=${one.name} value=${one.name} disabled=${Boolean(one.problem)} title=${one.problem || null}>${one.name}${one.problem ? " (not available)" : ""}</option>`)}</select></label>
    ${modes && html`<fieldset class="segments"><legend class="unseen">Mode</legend>${MODES.map((one) => html`<label key=${one.name} title=${one.hint}>
      <input type="radio" name="mode" value=${one.name} checked=${choice.mode === one.name} onChange=${() => onChoose({ ...choice, mode: one.name })} /><span>${one.title}</span></label>`)}</fieldset>`}
  </div>`;
}
