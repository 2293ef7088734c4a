// Polls the unread count every 30 seconds. It pauses in a hidden tab, and polls at once when the
// tab comes back into view or the network returns.

export const POLL_INTERVAL = 30_000;

/**
 * @typedef {object} Listener
 * @property {() => unknown} [onPoll] refreshes what the listener shows. The count is fetched after
 *   it, and leaves out what the refresh marked as read
 * @property {(count: number) => void} [onCount]
 * @property {(error: any) => void} [onError] gets what a refresh or the count failed with
 */

/** @typedef {EventTarget & { document: EventTarget & { hidden: boolean } }} Page */

export class UnreadPoller {
  #fetchCount;
  #page;
  /** @type {number | null} */
  #lastCount = null;
  /** @type {Set<Listener>} */
  #listeners = new Set();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #isPolling = false;
  #pollAgain = false;
  #active = false;
  /** Changes with each sign-in and sign-out; responses from before are dropped. */
  #session = 0;
  #watching = new AbortController();

  /**
   * @param {() => Promise<number>} fetchCount
   * @param {Page} [page] source of visibility and network events
   */
  constructor(fetchCount, page = globalThis) {
    this.#fetchCount = fetchCount;
    this.#page = page;
  }

  /** Whether somebody is signed in; without a token there is nothing to poll. */
  get active() {
    return this.#active;
  }

  set active(active) {
    this.#active = active;
    this.#lastCount = null;
    this.#session += 1;
    if (!active) this.#publishCount(0);
    this.#schedule();
    this.refreshCount();
  }

  /**
   * Adds a listener; returns a function that removes it.
   *
   * @param {Listener} listener
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#watch();
    if (this.#lastCount !== null) listener.onCount?.(this.#lastCount);
    return () => {
      this.#listeners.delete(listener);
      if (!this.#listeners.size) this.#watching.abort();
      this.#schedule();
    };
  }

  /** Refreshes every listener, then the count. A call during a poll causes one more after it. */
  async poll() {
    this.#pollAgain = this.#isPolling;
    if (this.#isPolling || !this.#isRunning) return;
    this.#isPolling = true;
    const refreshes = [...this.#listeners].map((listener) => listener.onPoll?.());
    const results = await Promise.allSettled(refreshes);
    this.#isPolling = false;
    await this.refreshCount();
    const failure = results.find((result) => result.status === "rejected");
    if (failure) this.#publishError(failure.reason);
    if (this.#pollAgain) this.poll();
  }

  /** Fetches the count alone, for example after a ticket was marked as read. */
  async refreshCount() {
    if (!this.#isRunning) return;
    const session = this.#session;
    try {
      const count = await this.#fetchCount();
      if (session !== this.#session) return;
      this.#lastCount = count;
      this.#publishCount(count);
    } catch (error) {
      if (session === this.#session) this.#publishError(error);
    }
  }

  get #isRunning() {
    return this.#active && this.#listeners.size > 0 && !this.#page.document.hidden;
  }

  /** @param {number} count */
  #publishCount(count) {
    for (const listener of this.#listeners) listener.onCount?.(count);
  }

  /** @param {unknown} error */
  #publishError(error) {
    for (const listener of this.#listeners) listener.onError?.(error);
  }

  #watch() {
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    const wake = () => {
      this.#schedule();
      this.poll();
    };
    this.#page.document.addEventListener("visibilitychange", wake, { signal });
    this.#page.addEventListener("online", wake, { signal });
    this.#schedule();
    this.refreshCount();
  }

  #schedule() {
    clearInterval(this.#timer);
    if (this.#isRunning) this.#timer = setInterval(() => this.poll(), POLL_INTERVAL);
  }
}
