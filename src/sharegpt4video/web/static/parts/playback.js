/**
 * A video's clock, shared by the player, the timeline and the steps. Parts that move with every frame subscribe and
 * change the page themselves; parts that show something else at other times use `useMoment`.
 */
import { useEffect, useMemo, useReducer, useRef } from "./preact.js";

const EVENTS = ["play", "pause", "seeking", "seeked", "timeupdate", "ratechange", "volumechange", "loadstart", "loadedmetadata", "ended", "error"];
/** A seek to the very start of a frame may land on the one before it. */
const INTO_FRAME_SECONDS = 0.001;

export class Playback {
  video = null;
  stopAt = null;
  wanted = null;
  frame = 0;
  listeners = new Set();

  /** @param {boolean} [playing] whether the video is to play as soon as it is there */
  constructor(playing = false) { this.playing = playing; }

  /** The ref of the element: always the same function, so that it is called for a new element only. @param {HTMLVideoElement|null} video */
  attach = (video) => {
    for (const name of EVENTS) this.video?.removeEventListener(name, this.heard);
    this.video = video;
    for (const name of EVENTS) video?.addEventListener(name, this.heard);
    if (video && this.wanted !== null) video.currentTime = this.wanted;
    this.wanted = null;
  };

  get time() { return this.video?.currentTime ?? 0; }
  get paused() { return this.video?.paused ?? true; }

  /** Another file begins paused, whatever was asked of the one before. @param {Event} event */
  heard = ({ type }) => {
    if (type === "pause" || type === "ended") this.playing = false;
    else if (type === "play") this.playing = true;
    else if (type === "loadstart" && this.playing) this.play();
    this.tick();
  };

  tick = () => {
    if (this.stopAt !== null && this.time >= this.stopAt) { this.stopAt = null; this.pause(); }
    for (const listener of this.listeners) listener(this);
    cancelAnimationFrame(this.frame);
    if (!this.paused) this.frame = requestAnimationFrame(this.tick);
  };

  /** @param {number} seconds */
  seek(seconds) {
    this.stopAt = null;
    const time = seconds > 0 ? seconds + INTO_FRAME_SECONDS : 0;
    if (this.video) this.video.currentTime = time;
    else this.wanted = time;
  }

  toggle() { (this.video ? this.paused : !this.playing) ? this.play() : this.pause(); }

  /**
   * Play, as soon as there is a video. It can be refused (no user gesture yet, or a file that cannot be decoded): the
   * player then shows that. Where it is aborted, another file is coming, and plays instead.
   */
  play() {
    this.playing = true;
    this.video?.play().catch((error) => { if (error.name !== "AbortError") this.playing = false; this.tick(); });
  }

  pause() {
    this.playing = false;
    this.video?.pause();
  }

  /** Play a span and stop at its end. */
  playSpan(start, end) {
    this.seek(start);
    this.stopAt = end;
    this.play();
  }

  /** @param {(playback: Playback) => void} listener @returns {() => void} */
  subscribe(listener) {
    this.listeners.add(listener);
    listener(this);
    return () => this.listeners.delete(listener);
  }
}

/**
 * @returns {Playback} one for the life of the component; `key` makes a new one for another video, which plays if the one
 *   before was to
 */
export function usePlayback(key) {
  const last = useRef(null);
  return useMemo(() => (last.current = new Playback(last.current?.playing)), [key]);
}

/** What `read` makes of the clock; the component is drawn again only when that changes. @template T @returns {T} */
export function useMoment(playback, read) {
  const [, again] = useReducer((count) => count + 1, 0);
  const latest = useRef(read);
  latest.current = read;
  const value = read(playback);
  const shown = useRef(value);
  shown.current = value;
  useEffect(() => playback.subscribe((clock) => { if (!Object.is(latest.current(clock), shown.current)) again(); }), [playback]);
  return value;
}
