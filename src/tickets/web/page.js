// The service's own pages: takes the token out of the address before anything else is done.

import { connectionOf } from "./dom/host.js";

const dashboard = document.querySelector("ticket-account, ticket-admin");

/** A link may carry a token as `#token=…`: a fragment is not sent to any server. It goes at once. */
function takeToken() {
  const [, token] = /^#token=(.+)$/.exec(location.hash) ?? [];
  if (!token) return;
  history.replaceState(null, "", location.pathname + location.search);
  const side = dashboard.localName === "ticket-admin" ? "admin" : "user";
  const connection = connectionOf(dashboard, side);
  // another token is another person, who must not see the drafts of the one before
  if (connection.token !== token) connection.signOut();
  connection.signIn(token);
}

takeToken();
// a second such link in the same tab only changes the fragment
window.addEventListener("hashchange", takeToken);
