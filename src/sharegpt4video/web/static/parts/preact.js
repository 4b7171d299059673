/** Preact and htm, as the rest of the pages imports them; so only this file knows where the vendored one is. */
export { html, render, createContext, useState, useReducer, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useContext } from "../vendor/preact-htm.js";
