/** Reviews: a text, or a verdict. A verdict goes on to the next caption at once and is stored meanwhile. */
import { call } from "../../api.js";
import { useRef, useState } from "../../parts/preact.js";
import { announce, note } from "../../parts/status.js";
import { author } from "./author.js";
import { forget } from "./captions.js";

const SAID = { accept: "Accepted", reject: "Rejected", "": "Verdict withdrawn" };
const MOST_UNDO = 100;

/** What was done in this window, the last one last. @type {{review: string, id: string, verdict: string}[]} */
const done = [];

/**
 * @param {import("./rows.js").Rows} rows
 * @returns {{asking: (() => void)|null, answer: Function, judge: Function, write: Function, undo: Function, canUndo: boolean}}
 *   `asking` while the author's name is needed: what waits for it
 */
export function useReviewing(rows) {
  const [asking, ask] = useState(null);
  const last = useRef(Promise.resolve());
  const named = (work) => (author() === null ? ask(() => work) : work());
  const send = (body) => call("POST", "/v1/dataset/reviews", { author: author() ?? "", ...body });
  const remember = (review, id, verdict) => { done.push({ review: review.id, id, verdict }); done.splice(0, done.length - MOST_UNDO); };

  /** Judge a caption; `onward` is called at once. @param {import("./captions.js").Whole} whole @param {"accept"|"reject"|""} verdict */
  const judge = (whole, verdict, onward) => named(() => {
    const before = whole.verdict;
    const name = whole.caption.video;
    rows.patch(whole.id, { verdict });
    announce(`${SAID[verdict]}: ${name}`);
    last.current = last.current.then(async () => {
      try {
        const { review } = await send({ caption: whole.id, base_revision: whole.revision, verdict });
        remember(review, whole.id, before);
      } catch (error) {
        rows.patch(whole.id, { verdict: before });
        note(`${name} was not ${verdict === "reject" ? "rejected" : verdict ? "accepted" : "changed"}: ${error.message}`, "error");
      }
      forget(whole.id);
    });
    onward?.(last.current);
  });

  /** Store a text; throws as `call`, with status 409 where it was changed meanwhile. */
  const write = async (whole, step, text, was, model = "") => {
    const { review } = await send({ caption: whole.id, base_revision: whole.revision, step, was, text, model });
    remember(review, whole.id, whole.verdict);
    forget(whole.id);
  };

  /** Take the last review of this window back. @returns {Promise<string|null>} the caption it was of */
  const undo = async () => {
    await last.current;
    const one = done.pop();
    if (!one) { note("There is nothing to undo."); return null; }
    try {
      await call("POST", `/v1/dataset/reviews/${one.review}/undo`);
    } catch (error) {
      note(`Not undone: ${error.message}`, "error");
      return null;
    }
    rows.patch(one.id, { verdict: one.verdict });
    forget(one.id);
    announce("Undone.");
    return one.id;
  };
  const answer = () => { const work = asking; ask(null); work?.(); };
  return { asking, answer, cancel: () => ask(null), judge, named, write, undo };
}
