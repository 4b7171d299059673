/**
 * The one way to the server: JSON both ways, uploads that tell how far they are, and streams of events.
 * Whatever the server refuses becomes a `Refused`, whose message is fit to be shown.
 */

const RETRIES = 6;

/** What the server (or the network) refused: `status` is 0 where no answer came, `body` the JSON that came. */
export class Refused extends Error {
  /** @param {string} message @param {number} status @param {object} body */
  constructor(message, status = 0, body = {}) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

/** @param {number} status @param {object} body @returns {Refused} */
function refused(status, body) {
  const message = body?.error?.message;
  if (status === 401) return new Refused(message || "Open this page with the link that the terminal shows: it carries the token.", status, body);
  return new Refused(message || `The server answered ${status}.`, status, body ?? {});
}

/**
 * Ask the server. Returns the JSON of the answer, or null where it has none.
 * @param {"GET"|"POST"|"PATCH"|"DELETE"} method
 * @param {string} path
 * @param {object} [body]
 * @param {AbortSignal} [signal]
 */
export async function call(method, path, body, signal) {
  const response = await send(method, path, body, signal);
  return response.status === 204 ? null : response.json();
}

async function send(method, path, body, signal) {
  const options = { method, signal };
  if (body !== undefined) Object.assign(options, { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The server does not answer. Is it still running?");
  }
  if (!response.ok) throw refused(response.status, await response.json().catch(() => null));
  return response;
}

/** A path with a query; what is null, undefined or "" is left out, and a list is repeated. */
export function withQuery(path, query) {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== null && one !== undefined && one !== "") parts.append(name, one);
  }
  return parts.size ? `${path}?${parts}` : path;
}

/**
 * Send a file as it is. `fetch` does not tell how much of it has gone, so this is an XMLHttpRequest.
 * @param {File} file
 * @param {(share: number) => void} onProgress from 0 to 1
 * @returns {{done: Promise<object>, abort: () => void}}
 */
export function upload(file, onProgress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.upload.onprogress = (event) => onProgress(event.total ? event.loaded / event.total : 0);
    request.onload = () => (request.status < 300 ? resolve(request.response) : reject(refused(request.status, request.response)));
    request.onerror = () => reject(new Refused("The upload failed. Is the server still running, and is the file below its size limit?"));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
  });
  request.open("POST", withQuery("/v1/media", { name: file.name }));
  request.responseType = "json";
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.send(file);
  return { done, abort: () => request.abort() };
}

/**
 * Follow a stream of events. The browser itself resumes by Last-Event-ID when a connection breaks; where it gives up
 * (the server was restarted, say), this asks again from the last event it saw.
 * @param {string} path
 * @param {Object<string, (data: object) => boolean|void>} handlers by the event's name; one that returns true ends it
 * @param {(error: Refused) => void} onLost after the last try
 * @returns {() => void} ends it
 */
export function follow(path, handlers, onLost) {
  let source = null, last = null, failures = 0, timer = 0;
  const stop = () => { clearTimeout(timer); source?.close(); };
  const open = () => {
    source = new EventSource(last === null ? path : withQuery(path, { after: last }));
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        if (event.lastEventId) last = event.lastEventId;
        failures = 0;
        if (handle(JSON.parse(event.data))) stop();
      });
    }
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return;
      failures += 1;
      if (failures > RETRIES) onLost(new Refused("The connection to the server was lost. Reload the page to carry on."));
      else timer = setTimeout(open, 250 * 2 ** failures);
    });
  };
  open();
  return stop;
}

/**
 * Post, and yield the events of the answer as `{event, data}`.
 * @param {string} path @param {object} body @param {AbortSignal} [signal]
 */
export async function* streamed(path, body, signal) {
  const response = await send("POST", path, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    waiting = (waiting + (value ?? "")).replaceAll("\r\n", "\n");
    const blocks = waiting.split("\n\n");
    waiting = blocks.pop();
    for (const block of blocks) {
      const message = parsed(block);
      if (message) yield message;
    }
    if (done) return;
  }
}

function parsed(block) {
  let event = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length ? { event, data: JSON.parse(data.join("\n")) } : null;
}
