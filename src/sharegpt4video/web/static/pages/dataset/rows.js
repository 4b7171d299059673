/**
 * The captions that a question finds, page by page. Lists are kept while the page is open: who goes back from a video
 * finds the same cards in the same place, and who goes on to the next one follows the same list.
 */
import { call, withQuery } from "../../api.js";
import { useEffect, useReducer } from "../../parts/preact.js";
import { written } from "./query.js";

/** @typedef {{id: string, video: string, summary: string, seconds: number, steps: number, split: string, kept: boolean|null, findings: number,
 *   verdict: string, picture: string|null, failure: string, message: string}} Item */

const PAGE_ROWS = 60;
const LOOKED_THROUGH = 5000;
const BUSY_MS = 2000;
const KEPT_LISTS = 8;

export class Rows {
  /** @type {Item[]} */
  items = [];
  total = null;
  /** @type {Error|null} */
  failure = null;
  waiting = "";
  scroll = 0;
  opened = "";
  #next = "";
  #ended = false;
  #asking = null;
  #watchers = new Set();

  /** @param {import("./query.js").Query} query */
  constructor(query) { this.query = query; }

  get ended() { return this.#ended; }
  get isEmpty() { return this.#ended && !this.items.length; }

  watch(watcher) {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #changed() { for (const watcher of this.#watchers) watcher(); }

  /** Ask for the next page; those who ask at once get the same. */
  more(limit = PAGE_ROWS) {
    if (this.#ended) return Promise.resolve();
    this.#asking ??= this.#ask(limit).finally(() => { this.#asking = null; });
    return this.#asking;
  }

  async #ask(limit) {
    const { q, like, order, where } = this.query;
    for (;;) try {
      const page = await call("GET", withQuery("/v1/dataset/captions", { after: this.#next, limit, q, like, order, where }));
      const known = new Set(this.items.map((one) => one.id));
      this.items = [...this.items, ...page.items.filter((one) => !known.has(one.id))];
      Object.assign(this, { total: page.total ?? this.total, failure: null, waiting: "" });
      this.#next = page.next;
      this.#ended = page.next === null;
      return this.#changed();
    } catch (error) {
      const busy = error.status === 503;
      Object.assign(this, busy ? { waiting: error.message } : { failure: error });
      if (!busy) this.#ended = true;
      this.#changed();
      if (!busy) return undefined;
      await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
    }
  }

  /** The place of a caption, -1 where it is not among those read so far. @param {string} id */
  place(id) { return this.items.findIndex((one) => one.id === id); }

  /** Read on until a caption is there, or too much has been read. @param {string} id */
  async find(id) {
    while (this.place(id) < 0 && !this.#ended && this.items.length < LOOKED_THROUGH) await this.more(200);
    return this.place(id);
  }

  /**
   * The next caption in a direction for which `holds`; null where there is none (or none within reach).
   * @param {string} id @param {1|-1} by @param {(item: Item) => boolean} [holds]
   */
  async beside(id, by, holds = () => true) {
    const start = this.place(id), until = start + LOOKED_THROUGH;
    for (let at = start + by; at >= 0 && at < until; at += by) {
      while (at >= this.items.length && !this.#ended) await this.more();
      if (at >= this.items.length) return null;
      const one = this.items[at];
      if (!one.failure && holds(one)) return one;
    }
    return null;
  }

  /** Show what a review has changed. @param {string} id @param {Partial<Item>} part */
  patch(id, part) {
    this.items = this.items.map((one) => (one.id === id ? { ...one, ...part } : one));
    this.#changed();
  }
}

const lists = new Map();

/** @param {import("./query.js").Query} query @returns {Rows} */
export function rowsOf(query) {
  const key = written(query);
  const found = lists.get(key) ?? new Rows(query);
  lists.delete(key);
  lists.set(key, found);
  if (lists.size > KEPT_LISTS) lists.delete(lists.keys().next().value);
  return found;
}

/** Reload all lists: the data set has changed. */
export function forgetRows() { lists.clear(); }

/** Be drawn again whenever the list changes. @param {Rows} rows */
export function useRows(rows) {
  const [, again] = useReducer((count) => count + 1, 0);
  useEffect(() => {
    again();
    return rows.watch(again);
  }, [rows]);
}
