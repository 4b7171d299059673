/** The page and what it shows, kept in the address behind "#": `#caption/JOB/OTHER`. So a reload carries on. */
import { useEffect, useState } from "./preact.js";

/** @returns {{page: string, args: string[]}} */
function read() {
  const [page, ...args] = location.hash.slice(1).split("/").map((part) => { try { return decodeURIComponent(part); } catch { return ""; } });
  return { page: page || "caption", args };
}

/** The address of a page. @param {string} page @param {...string} args */
export function address(page, ...args) {
  return `#${[page, ...args].filter((part) => part !== null && part !== undefined && part !== "").map(encodeURIComponent).join("/")}`;
}

/** Go there; `replace` leaves no step to go back to. */
export function go(page, ...args) { location.hash = address(page, ...args); }

export function replace(page, ...args) {
  history.replaceState(null, "", address(page, ...args));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function useRoute() {
  const [route, set] = useState(read);
  useEffect(() => {
    const changed = () => set(read());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
