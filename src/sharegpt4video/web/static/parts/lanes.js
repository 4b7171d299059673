/** The lanes of a timeline, from what was measured: camera, a lane for each subject, text, sound and speech. */

/** @typedef {{start: number, end: number, text: string, note?: string}} Span */
/** @typedef {{name: string, kind: "camera"|"subject"|"text"|"sound"|"speech", hue: number, spans: Span[]}} Lane */

const MOST_SUBJECTS = 12;
const HUES = 6;

/** Facts of a caption in time order, each interval once. They come with keyframes first, then again with steps. */
export function factsOf(steps, keyframes = []) {
  const found = new Map();
  const all = [...keyframes.map((one) => one.facts).filter(Boolean), ...steps.flatMap((step) => step.facts ?? [])];
  for (const one of all) found.set(`${one.start_seconds} ${one.end_seconds}`, one);
  return [...found.values()].sort((a, b) => a.start_seconds - b.start_seconds || a.end_seconds - b.end_seconds);
}

/** @param {object[]} facts @param {object|null} sound that of the whole caption @returns {Lane[]} */
export function lanesOf(facts, sound = null) {
  const spans = facts.filter((one) => one.end_seconds > one.start_seconds);
  return [
    lane("camera", "camera", joined(spans.map((one) => span(one, one.camera.moves.join(", "))))),
    ...subjectLanes(facts),
    lane("text", "text", textSpans(facts)),
    ...soundLanes(facts, sound),
  ].filter((one) => one.spans.length);
}

const lane = (name, kind, spans, hue = 0) => ({ name, kind, hue, spans });
const span = (fact, text, note = "") => ({ start: fact.start_seconds, end: fact.end_seconds, text, note });

/** Neighbours that say the same become one; those that say nothing are left out. @param {Span[]} spans */
function joined(spans) {
  const found = [];
  for (const one of spans) {
    const last = found.at(-1);
    if (!one.text) continue;
    if (last && last.text === one.text && last.note === one.note && Math.abs(last.end - one.start) < 1e-6) found[found.length - 1] = { ...last, end: one.end };
    else found.push(one);
  }
  return found;
}

/** One lane for each subject: by its identity in the whole video, or by its track where that is not known. */
function subjectLanes(facts) {
  const subjects = new Map();
  for (const fact of facts) for (const object of fact.objects) {
    const key = object.subject_id === null || object.subject_id === undefined ? `track ${object.track_id} ${object.label}` : `subject ${object.subject_id}`;
    const one = subjects.get(key) ?? { label: object.label, colours: [], seen: [] };
    if (object.colours.length) one.colours = object.colours;
    one.seen.push([fact, object]);
    subjects.set(key, one);
  }
  const moving = [...subjects.values()].map((one) => ({ ...one, spans: one.seen.filter(([fact]) => fact.end_seconds > fact.start_seconds) })).filter((one) => one.spans.length);
  const counts = Map.groupBy ? Map.groupBy(moving, (one) => one.label) : grouped(moving);
  return moving.slice(0, MOST_SUBJECTS).map((one, place) => {
    const alike = counts.get(one.label);
    const name = alike.length > 1 ? `${one.label} ${alike.indexOf(one) + 1}` : one.label;
    const text = one.colours.length ? `${one.label} in ${one.colours.join(" and ")}` : one.label;
    return lane(name, "subject", joined(one.spans.map(([fact, object]) => span(fact, doing(object) || text, where(object)))), place % HUES);
  });
}

function grouped(items) {
  const found = new Map();
  for (const one of items) found.set(one.label, [...(found.get(one.label) ?? []), one]);
  return found;
}

/** What was measured of a subject in an interval, in a few words. */
function doing(object) {
  const side = (edge) => (edge === "inside" ? "" : ` ${edge}`);
  const words = [];
  if (object.enters) words.push(object.enters === "inside" ? "appears" : `enters${side(object.enters)}`);
  if (object.arm_raises?.length) words.push(times("arms up", object.arm_raises.length));
  if (object.leg_raises?.length) words.push(times("leg up", object.leg_raises.length));
  const [from, to] = [object.start_pose?.torso, object.end_pose?.torso];
  if (from && to && from !== to) words.push(`${from} → ${to}`);
  if (object.leaves) words.push(object.leaves === "inside" ? "disappears" : `leaves${side(object.leaves)}`);
  return words.join(", ");
}

const times = (what, count) => (count > 1 ? `${what} ×${count}` : what);

function where(object) {
  const box = object.end_box ?? object.start_box;
  if (!box) return "";
  const x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
  return `${y < 1 / 3 ? "top" : y < 2 / 3 ? "middle" : "bottom"} ${x < 1 / 3 ? "left" : x < 2 / 3 ? "centre" : "right"}`;
}

/** Lines of text, each for as long as it was there. */
function textSpans(facts) {
  const found = new Map();
  for (const fact of facts) for (const line of fact.texts ?? []) {
    const start = line.from_seconds ?? fact.start_seconds, end = line.to_seconds ?? fact.end_seconds;
    const key = `${line.text} ${line.from_seconds ?? fact.start_seconds}`, one = found.get(key);
    found.set(key, one ? { ...one, end: Math.max(one.end, end) } : { start, end, text: line.text });
  }
  return [...found.values()].filter((one) => one.end > one.start).sort((a, b) => a.start - b.start);
}

function soundLanes(facts, whole) {
  const heard = whole ? [whole] : facts.map((one) => one.sound).filter(Boolean);
  const kinds = new Map(), speech = new Map();
  for (const one of heard) {
    for (const { kind, start_seconds: start, end_seconds: end } of one.spans) kinds.set(`${kind} ${start}`, { start, end, text: kind });
    for (const { text, start_seconds: start, end_seconds: end } of one.speech ?? []) speech.set(`${start}`, { start, end, text });
  }
  return [lane("sound", "sound", [...kinds.values()]), lane("speech", "speech", [...speech.values()])];
}
