/** The videos that were captioned twice, page by page. Kept while the page is open, so that going back finds it. */
import { call, withQuery } from "../../api.js";
import { useEffect, useReducer } from "../../parts/preact.js";

/** @typedef {{number: number, id: string, video: string, words: number[], steps: number[], shared: number, only_first: Object<string, string[]>,
 *   only_second: Object<string, string[]>, findings: Object<string, number>[], contradicted: number[], picture: string|null}} Pair */

const PAGE_ROWS = 50;
const LOOKED_THROUGH = 2000;

export class List {
  /** @type {Pair[]} */
  items = [];
  ended = false;
  failure = null;
  opened = "";
  scroll = 0;
  #next = 0;
  #asking = null;
  #watchers = new Set();

  /** @param {string} only @param {string} order */
  constructor(only, order) { Object.assign(this, { only, order }); }

  watch(watcher) {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  more(limit = PAGE_ROWS) {
    if (this.ended) return Promise.resolve();
    this.#asking ??= this.#ask(limit).finally(() => { this.#asking = null; });
    return this.#asking;
  }

  async #ask(limit) {
    try {
      const page = await call("GET", withQuery("/v1/compare/videos", { after: this.#next, limit, only: this.only, order: this.order }));
      this.items = [...this.items, ...page.items];
      this.#next = page.next;
      this.ended = page.next === null;
    } catch (error) {
      Object.assign(this, { failure: error, ended: true });
    }
    for (const watcher of this.#watchers) watcher();
  }

  place(id) { return this.items.findIndex((one) => one.id === id); }

  async find(id) {
    while (this.place(id) < 0 && !this.ended && this.items.length < LOOKED_THROUGH) await this.more(200);
    return this.place(id);
  }

  /** The next or the one before; null at the ends. @param {string} id @param {1|-1} by */
  async beside(id, by) {
    const at = await this.find(id) + by;
    if (at >= this.items.length) await this.more();
    return this.items[at] ?? null;
  }
}

const lists = new Map();

/** @returns {List} */
export function listOf(only, order) {
  const key = `${only} ${order}`;
  if (!lists.has(key)) lists.set(key, new List(only, order));
  return lists.get(key);
}

export function useList(list) {
  const [, again] = useReducer((count) => count + 1, 0);
  useEffect(() => { again(); return list.watch(again); }, [list]);
}
