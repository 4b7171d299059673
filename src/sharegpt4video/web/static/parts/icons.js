/** The icons: one path each on a grid of 24, drawn with the colour of the text. They are decoration; labels are text. */
import { html } from "./preact.js";

const PATHS = {
  play: "M8 5.2v13.6a.8.8 0 0 0 1.2.7l11-6.8a.8.8 0 0 0 0-1.4l-11-6.8a.8.8 0 0 0-1.2.7z",
  pause: "M7 5h3.5v14H7zM13.5 5H17v14h-3.5z",
  previous: "M6 5h2.5v14H6zM19 5.8v12.4a.7.7 0 0 1-1.1.6L9.5 12.6a.7.7 0 0 1 0-1.2l8.4-6.2a.7.7 0 0 1 1.1.6z",
  next: "M15.5 5H18v14h-2.5zM5 5.8v12.4a.7.7 0 0 0 1.1.6l8.4-6.2a.7.7 0 0 0 0-1.2L6.1 5.2A.7.7 0 0 0 5 5.8z",
  captions: "M4 5h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2zm1.5 7v2h5v-2zm7 0v2h6v-2zm-7 3.2v2h8v-2zm10 0v2h3v-2z",
  sound: "M4 9.5v5h3.5L13 19V5L7.5 9.5zM15.5 8a5.5 5.5 0 0 1 0 8l-1.2-1.5a3.5 3.5 0 0 0 0-5z",
  mute: "M4 9.5v5h3.5L13 19V5L7.5 9.5zM15 9.4l1.4-1.4L21 12.6 19.6 14zm4.6-1.4L21 9.4 16.4 14 15 12.6z",
  full: "M4 4h6v2H6v4H4zm10 0h6v6h-2V6h-4zM4 14h2v4h4v2H4zm14 0h2v6h-6v-2h4z",
  edit: "M4 17.2V20h2.8L17.5 9.3l-2.8-2.8zM19.7 7.1a1 1 0 0 0 0-1.4l-1.4-1.4a1 1 0 0 0-1.4 0L15.6 5.6l2.8 2.8z",
  copy: "M8 3h10a2 2 0 0 1 2 2v11h-2V5H8zM5 7h9a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2zm0 2v10h9V9z",
  download: "M11 4h2v8.2l2.6-2.6L17 11l-5 5-5-5 1.4-1.4 2.6 2.6zM5 18h14v2H5z",
  upload: "M11 16h2V7.8l2.6 2.6L17 9l-5-5-5 5 1.4 1.4L11 7.8zM5 18h14v2H5z",
  close: "M6.4 5 12 10.6 17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4L12 13.4 6.4 19 5 17.6 10.6 12 5 6.4z",
  search: "M10.5 4a6.5 6.5 0 0 1 5.1 10.5l4.4 4.4-1.4 1.4-4.4-4.4A6.5 6.5 0 1 1 10.5 4zm0 2a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z",
  split: "M4 5h7v14H4zm2 2v10h3V7zm7-2h7v14h-7zm2 2v10h3V7z",
  ask: "M4 4h16a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2h-8l-5 4v-4H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z",
  keyboard: "M4 6h16a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2zm1 3v2h2V9zm4 0v2h2V9zm4 0v2h2V9zm4 0v2h2V9zM5 12.5v2h2v-2zm3.5 0v2h7v-2zm8.5 0v2h2v-2z",
  add: "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z",
  less: "M5 11h14v2H5z",
  film: "M4 4h16a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zm0 2.5v2h2v-2zm0 4.5v2h2v-2zm0 4.5v2h2v-2zm14-9v2h2v-2zm0 4.5v2h2v-2zm0 4.5v2h2v-2zM8.5 7v10h7V7z",
  check: "M9.5 16.2 5.3 12l-1.4 1.4 5.6 5.6L20.5 8l-1.4-1.4z",
  send: "M3.5 20 21 12 3.5 4v6.2L15 12 3.5 13.8z",
};

/** @param {{name: keyof PATHS}} props */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[name]} fill="currentColor" /></svg>`;
}
