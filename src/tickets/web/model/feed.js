// The unread count, polled every 30 seconds: not in a hidden tab, at once when it comes back into view.

export const INTERVAL = 30_000;

/**
 * Listeners get `tick()` first, in which they refresh what they show, and `count(number)` after it: so
 * what a refresh marks read is no longer counted. Where either fails they get `failed(error)`.
 */
export class Feed {
  #ask;
  #page;
  #last = null;
  #listeners = new Set();
  #timer = null;
  #busy = false;
  #late = false;
  #active = false;
  #turn = 0;
  #watching = null;

  /** `ask()` resolves to the count; `page` tells visibility and network, here for the tests. */
  constructor(ask, page = globalThis) {
    this.#ask = ask;
    this.#page = page;
  }

  /** Whether there is anybody to ask for: without a token there is nothing to poll. */
  set active(active) {
    this.#active = active;
    this.#last = null;
    // an answer to somebody else may be under way
    this.#turn += 1;
    if (!active) this.#tell("count", 0);
    this.#schedule();
    this.count();
  }

  /** Returns what ends it. */
  subscribe(listener) {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#watch();
    if (this.#last !== null) listener.count(this.#last);
    return () => {
      this.#listeners.delete(listener);
      if (!this.#listeners.size) this.#watching.abort();
      this.#schedule();
    };
  }

  /** Refresh everything, then count; called while that is under way, once more after it. */
  async tick() {
    this.#late = this.#busy;
    if (this.#busy || !this.#running) return;
    this.#busy = true;
    const ticks = await Promise.allSettled([...this.#listeners].map((listener) => listener.tick?.()));
    this.#busy = false;
    await this.count();
    const failure = ticks.find(({ reason }) => reason);
    if (failure) this.#tell("failed", failure.reason);
    if (this.#late) this.tick();
  }

  /** Count only: after something was opened and so became read. */
  async count() {
    if (!this.#running) return;
    const turn = this.#turn;
    try {
      const count = await this.#ask();
      if (turn === this.#turn) this.#tell("count", (this.#last = count));
    } catch (error) {
      if (turn === this.#turn) this.#tell("failed", error);
    }
  }

  get #running() {
    return this.#active && this.#listeners.size > 0 && !this.#page.document.hidden;
  }

  #tell(what, value) {
    for (const listener of this.#listeners) listener[what]?.(value);
  }

  #watch() {
    const { signal } = (this.#watching = new AbortController());
    const wake = () => {
      this.#schedule();
      this.tick();
    };
    this.#page.document.addEventListener("visibilitychange", wake, { signal });
    this.#page.addEventListener("online", wake, { signal });
    this.#schedule();
    this.count();
  }

  #schedule() {
    clearInterval(this.#timer);
    if (this.#running) this.#timer = setInterval(() => this.tick(), INTERVAL);
  }
}
