/** What is asked of a data set, as the address keeps it and as a reader sees it. */
import { withQuery } from "../../api.js";

/** @typedef {{q: string, like: string, order: string, where: string[]}} Query */

/** @type {Query} */
export const EVERYTHING = { q: "", like: "", order: "", where: [] };

const ALL = "all";
const CONDITION = /^\s*(\w+)\s*(<=|>=|!=|=|<|>|~)\s*([^]*?)\s*$/;
const SIGNS = { "<=": "at most", ">=": "at least", "<": "below", ">": "above", "!=": "not", "=": "", "~": "contains" };
/** Conditions that are asked for so often that they read like words. */
const WORDS = { "findings>0": "with findings", "verdict=none": "not judged", "verdict=accept": "accepted", "verdict=reject": "rejected", "failure=any": "failed", "edited=true": "edited", "kept=false": "dropped by filters" };

/** @param {string} text a part of the address @returns {Query} */
export function read(text) {
  const parts = new URLSearchParams(text === ALL ? "" : text);
  return { q: parts.get("q") ?? "", like: parts.get("like") ?? "", order: parts.get("order") ?? "", where: parts.getAll("where") };
}

/** The part of an address; one text for each question. @param {Query} query */
export function written({ q, like, order, where }) {
  return withQuery("", { q, like, order, where }).slice(1) || ALL;
}

/** @param {string} condition such as "max_motion>=0.3" */
export function asWords(condition) {
  if (WORDS[condition]) return WORDS[condition];
  const [, name, sign, value] = CONDITION.exec(condition) ?? [];
  return name ? [spaced(name), SIGNS[sign], value].filter(Boolean).join(" ") : condition;
}

/** @param {string} name of a column */
export const spaced = (name) => name.replaceAll("_", " ");

/** Whether anything is left out. @param {Query} query */
export const isNarrowed = (query) => Boolean(query.q || query.like || query.where.length);
