// One ticket through the desk, by the client that openapi-typescript and openapi-fetch make of the
// document. The test copies this file beside the generated `schema.ts`, checks both with
// `tsc --strict`, and runs it against a service.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.ts";

declare const process: { env: Record<string, string | undefined> };

type Status = components["schemas"]["Status"];

function equal(found: unknown, expected: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);
  }
}

function must<Value>(value: Value | null | undefined): Value {
  if (value === null || value === undefined) {
    throw new Error("a value is missing");
  }
  return value;
}

const baseUrl = must(process.env["ROOT"]);
const user = createClient<paths>({
  baseUrl,
  headers: { Authorization: `Bearer ${must(process.env["USER_TOKEN"])}` },
});
const admin = createClient<paths>({
  baseUrl,
  headers: { "X-Admin-Token": must(process.env["ADMIN_TOKEN"]) },
});

const opening = {
  body: {
    category: "billing",
    subject: "Charged twice in January",
    message: "My card was charged twice for invoice 4711.",
  },
  params: { header: { "Idempotency-Key": "the-journey" } },
} as const;
const opened = must((await user.POST("/api/v1/tickets", opening)).data).ticket;
const status: Status = opened.status;
equal(status, "open");
equal(must((await user.POST("/api/v1/tickets", opening)).data).ticket.id, opened.id);
const path = { ticket_id: opened.id };

const waiting = must(
  (await admin.GET("/api/v1/tickets/admin/queue/{queue}", { params: { path: { queue: "waiting" } } }))
    .data,
);
equal(
  waiting.tickets.map((row) => [row.id, row.last_sender, row.assignee]),
  [[opened.id, "user", null]],
);

const me = must((await admin.GET("/api/v1/tickets/admin/me")).data);
const taken = await admin.PUT("/api/v1/tickets/admin/{ticket_id}/assignee", {
  params: { path },
  body: { assignee: me.id, was: null },
});
equal(must(taken.data).assignee, { id: me.id, name: me.name });
const late = await admin.PUT("/api/v1/tickets/admin/{ticket_id}/assignee", {
  params: { path },
  body: { assignee: null, was: null },
});
equal(late.response.status, 409);
equal(must(late.error).title, "Conflict");

const noted = await admin.POST("/api/v1/tickets/admin/{ticket_id}/notes", {
  params: { path },
  body: { note: "Called them: a zeppelin." },
});
equal(must(noted.data).note.admin?.name, me.name);

const added = await admin.POST("/api/v1/tickets/admin/saved-replies", {
  body: { title: "Refund is on its way", text: "Hello {{customer}}, your refund is on its way." },
});
const saved = must(added.data).saved_reply;
const answered = await admin.POST("/api/v1/tickets/admin/{ticket_id}/reply", {
  params: { path },
  body: { message: saved.text.replace("{{customer}}", "there"), seen: 1, status: "resolved" },
});
equal(must(answered.data).message.sender_name, me.name);

const read = must((await user.GET("/api/v1/tickets/{ticket_id}", { params: { path } })).data).ticket;
equal(
  [read.status, read.messages.map((each) => each.sender_type), read.events.map((each) => each.kind)],
  ["resolved", ["user", "admin"], ["status"]],
);
equal(JSON.stringify(read).includes("zeppelin"), false);
equal(must(read.closes_at).length > 0, true);

await user.POST("/api/v1/tickets/{ticket_id}/reply", {
  params: { path },
  body: { message: "It is still broken." },
});
const counts = must((await admin.GET("/api/v1/tickets/admin/queues")).data);
equal([counts.waiting, counts.mine, counts.resolved], [1, 1, 0]);

const query = { q: "broken" };
const found = must((await admin.GET("/api/v1/tickets/admin/search", { params: { query } })).data);
equal(
  found.tickets.map((row) => [row.id, row.match.field, row.match.hits]),
  [[opened.id, "message", [[12, 18]]]],
);
const hidden = await user.GET("/api/v1/tickets/search", { params: { query: { q: "zeppelin" } } });
equal(must(hidden.data).tickets, []);

const gone = await admin.DELETE("/api/v1/tickets/admin/saved-replies/{saved_reply_id}", {
  params: { path: { saved_reply_id: saved.id } },
});
equal(gone.response.status, 204);

const days = { from: opened.created_at.slice(0, 10), to: opened.created_at.slice(0, 10) };
const report = must(
  (await admin.GET("/api/v1/tickets/admin/reports", { params: { query: days } })).data,
);
equal([report.days[0]?.opened, report.first_reply.tickets], [1, 1]);

const nowhere = await user.GET("/api/v1/tickets/{ticket_id}", {
  params: { path: { ticket_id: opened.id + 1000 } },
});
equal(must(nowhere.error).detail, "There is no such ticket.");
