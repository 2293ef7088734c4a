// All the elements, for a host page; with the style sheet, so that the page needs nothing but this script.

const sheet = document.createElement("link");
sheet.rel = "stylesheet";
sheet.href = new URL("tickets.css", import.meta.url).href;
document.head.append(sheet);
// elements that came first would be shown bare; where the sheet cannot be had, bare is better than nothing
await new Promise((resolve) => {
  sheet.onload = sheet.onerror = resolve;
});
await Promise.all([
  import("./elements/ticket-account.js"),
  import("./elements/ticket-admin.js"),
  import("./elements/ticket-badge.js"),
]);
