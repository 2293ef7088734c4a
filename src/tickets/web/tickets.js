// Entry of host pages: loads the style sheet and all public elements.

const sheet = document.createElement("link");
sheet.rel = "stylesheet";
sheet.href = new URL("tickets.css", import.meta.url).href;
document.head.append(sheet);
// Wait, so that elements never show without styles. If the sheet fails to load, show them anyway.
await new Promise((resolve) => {
  sheet.onload = resolve;
  sheet.onerror = resolve;
});
await Promise.all([
  import("./dashboards/ticket-account.js"),
  import("./dashboards/ticket-admin.js"),
  import("./elements/ticket-badge.js"),
]);
