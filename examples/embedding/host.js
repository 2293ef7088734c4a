// The host page's part: it gives its elements the token of whoever is signed in to the host platform.

const elements = document.querySelectorAll("ticket-account, ticket-badge");

async function giveToken() {
  const answer = await fetch("session.json", { cache: "no-store" });
  const { token } = await answer.json();
  for (const element of elements) element.token = token;
}

await giveToken();

document.addEventListener("ticket-unread", ({ detail }) => {
  document.title = detail ? `(${detail}) Acme Energy: help` : "Acme Energy: help";
});

// The token has expired: get another one, instead of letting the person be asked for it.
let renewed = 0;
document.addEventListener("ticket-refused", (event) => {
  if (Date.now() - renewed < 60_000) return; // the new one is no better: let the element ask
  renewed = Date.now();
  event.preventDefault();
  giveToken();
});
