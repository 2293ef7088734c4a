// Entry of the service's own pages: moves a token from the address into the session, first of all.

import { connectionOf } from "./controllers/service-element.js";

const dashboard = document.querySelector("ticket-account, ticket-admin");

/**
 * Signs in with the token of a link such as `account#token=…`, and removes it from the address. A
 * fragment is never sent to a server.
 */
function signInFromAddress() {
  const [, token] = /^#token=(.+)$/.exec(location.hash) ?? [];
  if (!token) return;
  history.replaceState(null, "", location.pathname + location.search);
  const side = dashboard.localName === "ticket-admin" ? "admin" : "user";
  const connection = connectionOf(dashboard, side);
  // the host's cookie signs in
  if (connection.usesCookie) return;
  // the token may belong to a different person, who must not see the previous person's drafts
  if (connection.token !== token) connection.signOut();
  connection.signIn(token);
}

signInFromAddress();
// a second such link in the same tab changes the fragment without loading the page again
window.addEventListener("hashchange", signInFromAddress);
