/** What this server offers, as `GET /v1/session` says it; every page reads it with `useSession`. */
import { createContext, useContext } from "./preact.js";

export const Session = createContext(null);

/** @returns {{version: string, models: {name: string, sees_images: boolean, reads_facts: boolean, default: boolean}[], roots: {name: string}[],
 *   sample: {id: string, name: string}|null, dataset: object|null, compare: object|null, encoders: {name: string, limit_tokens: number}[],
 *   limits: {upload_bytes: number, max_seconds: number}, fetch_urls: boolean}} */
export function useSession() { return useContext(Session); }
