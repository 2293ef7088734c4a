// What an element needs of the page that it stands in, which may be anybody's.

import { connect } from "../model/connection.js";

/**
 * The connection for an element: to the API that it names with `api`, else to the service that this
 * code comes from, with the token that the page gives, by attribute or property.
 */
export function connectionOf(element, side = element.side) {
  // a property that was set before this code was there has to go through its setter
  if (Object.hasOwn(element, "token")) {
    const { token } = element;
    delete element.token;
    element.token = token;
  }
  const api = element.getAttribute("api");
  const root = api ? new URL(api, document.baseURI) : new URL("../../../api/v1/tickets", import.meta.url);
  const connection = connect(root.href.replace(/\/+$/, ""), side);
  if (element.token) connection.use(element.token);
  return connection;
}
