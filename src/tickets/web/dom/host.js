// An element that stands in anybody's page, and speaks to the service with a token.

import { connect } from "../model/connection.js";
import { Live } from "./build.js";

/**
 * The connection for an element: to the API that it names with `api`, else to the service that this code
 * comes from.
 */
export function connectionOf(element, side) {
  const api = element.getAttribute("api");
  const root = api ? new URL(api, document.baseURI) : new URL("../../../api/v1/tickets", import.meta.url);
  return connect(root.href.replace(/\/+$/, ""), side);
}

/** Elements that have a `side` and a `connection` extend this. */
export class Connected extends Live {
  static observedAttributes = ["token"];
  #token = null;

  connectedCallback() {
    this.connection = connectionOf(this, this.side);
    // a property that was set before this code was there has to go through its setter
    const { token } = this;
    delete this.token;
    if (token) this.token = token;
    super.connectedCallback();
  }

  attributeChangedCallback(_name, _old, token) {
    this.token = token;
  }

  /** The token, where the host page gives it; else a person signs in on a dashboard. */
  get token() {
    return this.#token;
  }

  set token(token) {
    this.#token = token;
    this.connection?.use(token);
  }
}
