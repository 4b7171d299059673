/** Times as people read them. */

/** 83.25 -> "1:23.3"; hours only where there are some. @param {number} seconds @param {number} [digits] after the point */
export function clock(seconds, digits = 1) {
  const scale = 10 ** digits;
  const whole = Math.max(0, Math.round(seconds * scale)) / scale;
  const hours = Math.floor(whole / 3600), minutes = Math.floor((whole % 3600) / 60);
  const rest = (whole % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** "0:02.0 – 0:04.0", or one time for an instant. */
export function spanText(start, end) {
  return end > start ? `${clock(start)} – ${clock(end)}` : clock(start);
}

/** A count with its noun: 1 step, 2 steps. */
export function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
