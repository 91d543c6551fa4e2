// SPDX-License-Identifier: Apache-2.0
// Which of many rows of one height are on the screen. Nothing is measured while one scrolls but how far.
import { type RefObject, useCallback, useEffect, useLayoutEffect, useState } from "react";

/** Rows are drawn and dropped by so many. */
const STEP = 6;
const SPARE = 6;

export interface RowWindow {
  first: number;
  /** the last one; first - 1 when there are none */
  last: number;
  /** of the box, without its scroll bar; 0 until it is known */
  width: number;
  scrollTo: (i: number) => void;
}

export function useRowWindow(box: RefObject<HTMLElement | null>, count: number, rowPx: number, headPx: number): RowWindow {
  const [height, setHeight] = useState(600);
  const [width, setWidth] = useState(0);
  const [top, setTop] = useState(0); // of the first row drawn, in steps
  useLayoutEffect(() => {
    const el = box.current;
    if (!el) return;
    let frame = 0;
    const look = () => {
      frame = 0;
      setTop(Math.floor(el.scrollTop / rowPx / STEP));
    };
    const onScroll = () => (frame ||= requestAnimationFrame(look));
    const sizes = new ResizeObserver(([entry]) => {
      setHeight(entry.contentRect.height);
      setWidth(Math.floor(entry.contentRect.width));
    });
    setWidth(el.clientWidth);
    sizes.observe(el);
    el.addEventListener("scroll", onScroll, { passive: true });
    look();
    return () => {
      cancelAnimationFrame(frame);
      sizes.disconnect();
      el.removeEventListener("scroll", onScroll);
    };
  }, [box, rowPx]);
  useEffect(() => {
    const el = box.current;
    if (el && el.scrollTop > count * rowPx) el.scrollTop = 0;
  }, [box, count, rowPx]);
  const scrollTo = useCallback(
    (i: number) => {
      const el = box.current;
      if (!el) return;
      const room = el.clientHeight - headPx;
      if (i * rowPx < el.scrollTop) el.scrollTop = i * rowPx;
      else if ((i + 1) * rowPx > el.scrollTop + room) el.scrollTop = (i + 1) * rowPx - room;
    },
    [box, rowPx, headPx],
  );
  const first = Math.max(0, Math.min(top * STEP - SPARE, count - 1));
  const last = Math.min(count - 1, top * STEP + Math.ceil(height / rowPx) + STEP + SPARE);
  return { first, last, width, scrollTo };
}
