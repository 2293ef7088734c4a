// Where the dashboard is: in the page's address, or in memory where a host page keeps that for itself.

import { formatRoute, parseRoute } from "../model/routes.js";

/** `moved(route)` is told of every move, whoever made it: a link, the back button, or `go`. */
export class Router {
  #moved;
  #memory;
  #hash = "";

  constructor(moved, memory, signal) {
    this.#moved = moved;
    this.#memory = memory;
    if (!memory) window.addEventListener("hashchange", () => moved(this.route), { signal });
  }

  get route() {
    return parseRoute(this.#memory ? this.#hash : location.hash);
  }

  /** Go somewhere; `replace` leaves no way back to where it came from. */
  go(route, { replace = false } = {}) {
    this.#hash = formatRoute(route);
    if (this.#memory || replace || this.#hash === location.hash) {
      if (!this.#memory) history.replaceState(history.state, "", this.#hash);
      this.#moved(this.route);
    } else location.hash = this.#hash;
  }

  /** Take a click on a link to a route: followed by the browser, a host's `<base>` would lead it astray. */
  follow(event) {
    const link = event.target.closest('a[href^="#/"]');
    if (!link || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    event.preventDefault();
    this.go(parseRoute(link.getAttribute("href")));
  }
}
