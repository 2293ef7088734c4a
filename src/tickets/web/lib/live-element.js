// Base class of custom elements that listen to something outside themselves.

/** Calls `connected(signal)` when it enters a document; the signal aborts when it leaves. */
export class LiveElement extends HTMLElement {
  /** @type {AbortController | null} */
  #lifetime = null;

  connectedCallback() {
    this.#lifetime = new AbortController();
    this.connected(this.#lifetime.signal);
  }

  disconnectedCallback() {
    this.#lifetime?.abort();
  }

  /**
   * Adds listeners and observers; each must end when the signal aborts.
   *
   * @param {AbortSignal} _signal
   */
  connected(_signal) {
    throw new Error("a subclass has to implement connected()");
  }
}
