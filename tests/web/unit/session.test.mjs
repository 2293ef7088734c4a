// Session at a service: one token for all elements, and the drafts of the person who is signed in.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { openStorage } from "../../../src/tickets/web/lib/storage.js";
import { connect } from "../../../src/tickets/web/model/session.js";
import { FakeStorage } from "./fake-storage.mjs";

let services = 0;

function connectToNewService() {
  services += 1;
  return connect(`https://${services}.test/api`, "user");
}

beforeEach(() => {
  globalThis.document = new EventTarget();
  globalThis.sessionStorage = new FakeStorage();
  globalThis.localStorage = new FakeStorage();
});

test("elements of one service and side share a connection, others do not", () => {
  const root = "https://shared.test/api";
  assert.equal(connect(root, "user"), connect(root, "user"));
  assert.notEqual(connect(root, "user"), connect(root, "admin"));
});

test("a token from a person is stored for the session, one from the host page is not", () => {
  const connection = connectToNewService();
  connection.useToken("from-the-host");
  assert.ok(!JSON.stringify(sessionStorage).includes("from-the-host"));

  connection.signIn("from-a-person");
  assert.ok(JSON.stringify(sessionStorage).includes("from-a-person"));
  assert.equal(connection.token, "from-a-person");
});

test("each change of the token is reported once, with its reason", () => {
  const connection = connectToNewService();
  const changes = [];
  connection.addEventListener("token-changed", ({ detail }) => changes.push(detail));
  connection.signIn("a");
  connection.useToken("a");
  connection.api.onTokenRefused("a");
  connection.signIn("b");
  connection.signOut();
  assert.deepEqual(changes, ["signed-in", "refused", "signed-in", "signed-out"]);
});

test("a refusal of an earlier token leaves the current one in use", () => {
  const connection = connectToNewService();
  connection.signIn("old");
  connection.signIn("new");
  connection.api.onTokenRefused("old");
  assert.equal(connection.token, "new");
});

test("after a token has expired, the next one finds the drafts", () => {
  const connection = connectToNewService();
  connection.signIn("old");
  connection.drafts.write("new", { subject: "typed" });
  connection.api.onTokenRefused("old");
  connection.signIn("new");
  assert.deepEqual(connection.drafts.read("new"), { subject: "typed" });
});

test("after a sign-out, another person does not see the drafts, and the same person does", () => {
  const connection = connectToNewService();
  connection.signIn("anna");
  connection.drafts.write("new", { subject: "typed" });
  connection.signOut();
  connection.signIn("bert");
  assert.deepEqual(connection.drafts.read("new"), {});

  connection.signOut();
  connection.signIn("anna");
  assert.deepEqual(connection.drafts.read("new"), { subject: "typed" });
});

test("the token is not stored with the drafts", () => {
  const connection = connectToNewService();
  connection.signIn("a-secret-token");
  connection.drafts.write("new", { subject: "typed" });
  assert.ok(!JSON.stringify(localStorage).includes("a-secret-token"));
});

test("a blocked storage is replaced by memory", () => {
  Object.defineProperty(globalThis, "blockedStorage", {
    configurable: true,
    get() {
      throw new DOMException("denied", "SecurityError");
    },
  });
  const storage = openStorage("blockedStorage");
  storage.setItem("a", "1");
  assert.equal(storage.getItem("a"), "1");
  storage.removeItem("a");
  assert.equal(storage.getItem("a"), null);
});
