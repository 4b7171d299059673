/** Dragging on a timeline with a mouse, a pen or a finger: along the ruler it seeks, elsewhere it chooses a span. */
import { useRef } from "./preact.js";

const DRAG_PIXELS = 6;
const SNAP_PIXELS = 7;
const LEAST_SECONDS = 0.1;

/** @returns {object} handlers for the canvas */
export function useDrag({ canvas, span, length, steps, onSelect, onSeek }) {
  const drag = useRef(null), dragged = useRef(false);
  const secondsAt = (event) => {
    const box = canvas.current.getBoundingClientRect();
    return span.start + Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * length;
  };
  /** The bound of a step that is near enough, else the time itself. */
  const snapped = (seconds) => {
    const near = (SNAP_PIXELS / canvas.current.clientWidth) * length;
    let best = seconds, distance = near;
    for (const step of steps) for (const bound of [step.start_seconds, step.end_seconds]) {
      if (Math.abs(bound - seconds) < distance) [best, distance] = [bound, Math.abs(bound - seconds)];
    }
    return best;
  };
  return {
    onPointerDown: (event) => {
      if (event.button !== 0 || event.target.closest(".grip")) return;
      const ruler = Boolean(event.target.closest(".ruler"));
      dragged.current = false;
      drag.current = { x: event.clientX, from: secondsAt(event), ruler, moved: false };
      if (ruler) {
        canvas.current.setPointerCapture(event.pointerId);
        onSeek(secondsAt(event));
      }
    },
    onPointerMove: (event) => {
      const one = drag.current;
      if (!one) return;
      if (one.ruler) return onSeek(secondsAt(event));
      if (!onSelect || (!one.moved && Math.abs(event.clientX - one.x) < DRAG_PIXELS)) return;
      if (!one.moved) canvas.current.setPointerCapture(event.pointerId);
      one.moved = dragged.current = true;
      const [start, end] = [snapped(one.from), snapped(secondsAt(event))].sort((a, b) => a - b);
      if (end - start >= LEAST_SECONDS) onSelect({ start, end, moving: true });
    },
    onPointerUp: (event) => {
      const one = drag.current;
      drag.current = null;
      if (!one || one.ruler) return;
      if (one.moved) {
        const [start, end] = [snapped(one.from), snapped(secondsAt(event))].sort((a, b) => a - b);
        onSelect(end - start >= LEAST_SECONDS ? { start, end } : null);
      } else if (!event.target.closest("button")) onSeek(secondsAt(event));
    },
    onPointerCancel: () => { drag.current = null; },
    // After a drag the browser still sends a click, to whatever the drag began on: nobody meant to press that.
    onClickCapture: (event) => {
      if (!dragged.current) return;
      dragged.current = false;
      event.stopPropagation();
      event.preventDefault();
    },
  };
}
