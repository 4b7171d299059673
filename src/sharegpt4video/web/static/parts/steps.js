/** What the parts need to know about steps (see `Step` of the package's records). */

/**
 * @typedef {{kind: "opening"|"change"|"whole", start_seconds: number, end_seconds: number, text: string, shot_index: number,
 *   frame_seconds: number[], facts: object[], problem: string}} Step
 */

const NEAR_SECONDS = 0.02;
/** A subtitle that is gone sooner cannot be read. */
const LEAST_READ_SECONDS = 1;

/**
 * The number of the step that covers a time, -1 before the first. An opening is an instant that shares its start with
 * the change after it, so the later one of the two is the one that plays.
 * @param {Step[]} steps @param {number} seconds
 */
export function stepAt(steps, seconds) {
  let low = 0, high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle].start_seconds <= seconds + NEAR_SECONDS) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Whether a step is an instant: true of one frame only. */
export const isInstant = (step) => step.end_seconds <= step.start_seconds;

/**
 * The numbers of the steps that are shown at a time. The opening of a shot has a part of the time of the step after it,
 * by how long both are to read; where that is too short for two, they are shown together (as `subtitles` does).
 * @param {Step[]} steps @param {number} seconds @returns {number[]}
 */
export function shownAt(steps, seconds) {
  const number = stepAt(steps, seconds), step = steps[number], before = steps[number - 1];
  if (!step) return [];
  if (!before || !isInstant(before) || before.start_seconds !== step.start_seconds) return [number];
  const span = step.end_seconds - step.start_seconds;
  if (span < 2 * LEAST_READ_SECONDS) return [number - 1, number];
  const share = (span * before.text.length) / (before.text.length + step.text.length || 1);
  const middle = Math.min(Math.max(share, LEAST_READ_SECONDS), span - LEAST_READ_SECONDS);
  return [seconds < step.start_seconds + middle ? number - 1 : number];
}

/** The keyframe whose picture stands for a step: the one at its end, or the nearest before it. */
export function pictureOf(step, keyframes) {
  const seconds = step.frame_seconds.at(-1) ?? step.end_seconds;
  let found = null;
  for (const one of keyframes) if (one.seconds <= seconds + NEAR_SECONDS) found = one;
  return found ?? keyframes[0] ?? null;
}
