// Custom events: elements dispatch what a person wants to do, ancestors and controllers handle it.

/**
 * Dispatches a bubbling, cancelable event; returns false if a listener prevented the default.
 *
 * @param {EventTarget} target
 * @param {string} type a verb, such as `send-reply`
 * @param {unknown} [detail]
 */
export const dispatch = (target, type, detail) =>
  target.dispatchEvent(new CustomEvent(type, { bubbles: true, cancelable: true, detail }));

/**
 * Adds a listener for each `{ type: handler }`; a handler gets the event's `detail`.
 *
 * @param {EventTarget} target
 * @param {Record<string, (detail: any) => unknown>} handlers each knows what its event carries
 */
export function handleEvents(target, handlers) {
  for (const [type, handler] of Object.entries(handlers)) {
    target.addEventListener(type, (event) => {
      handler(/** @type {CustomEvent} */ (event).detail);
    });
  }
}
