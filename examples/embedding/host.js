// Code of the host page: passes the token of the signed-in person to the elements.

const elements = document.querySelectorAll("ticket-account, ticket-badge");

async function giveToken() {
  const response = await fetch("session.json", { cache: "no-store" });
  const { token } = await response.json();
  for (const element of elements) element.token = token;
}

await giveToken();

document.addEventListener("ticket-unread", ({ detail }) => {
  document.title = detail ? `(${detail}) Acme Energy: help` : "Acme Energy: help";
});

// Replaces an expired token, so that the dashboard does not ask the person for one.
let renewed = 0;
document.addEventListener("ticket-refused", (event) => {
  if (Date.now() - renewed < 60_000) return; // the new one is refused too: let the dashboard ask
  renewed = Date.now();
  event.preventDefault();
  giveToken();
});
