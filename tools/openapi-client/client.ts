// A client of the API that was made from its description, as a program would use it. It
// prints what it found as one JSON object. The types of it all are checked before it runs.
import createClient from "openapi-fetch";
import type { paths, components } from "./api.js";

declare const process: { argv: string[]; exit(code: number): never };
const [baseUrl, token, emitterToken] = process.argv.slice(2);
const makegood = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
const emitter = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${emitterToken}` } });

function got<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) {
    console.error(JSON.stringify(answer.error));
    process.exit(1);
  }
  return answer.data;
}

const sent = await emitter.POST("/v1/events", {
  body: { specversion: "1.0", id: "ts-1", source: "/typescript", type: "parcel.fine" },
  headers: { "Content-Type": "application/cloudevents+json" },
});

const key = { header: { "Idempotency-Key": "from-typescript" } };
const pull = { cord: "product/TABLE-7", level: "red", reason: "Its legs break." };
const pulled = got(await makegood.POST("/v1/andon/pull", { params: key, body: pull }));
const again = got(await makegood.POST("/v1/andon/pull", { params: key, body: pull }));
const cords = got(await makegood.GET("/v1/andon", { params: { query: { cord: ["product/TABLE-7", "product/CHAIR-1"] } } }));

const remedies: string[] = [];
let after: string | undefined;
do {
  const page: components["schemas"]["api.Remedies"] = got(await makegood.GET("/v1/remedies", { params: { query: { limit: 1, after } } }));
  remedies.push(...page.remedies.map((r) => r.remedy));
  after = page.next;
} while (after);

const rule = got(await makegood.GET("/v1/rules/{rule}", { params: { path: { rule: "late" } } }));
const refused = await makegood.GET("/v1/remedies/{remedy}", { params: { path: { remedy: "7" } } });

// What the description does not have is no program.
// @ts-expect-error there is no such path
void (() => makegood.GET("/v1/nothing"));
// @ts-expect-error a path of a cord is a text
void (() => makegood.POST("/v1/andon/pull", { body: { cord: 7 } }));
// @ts-expect-error a path needs its parameter
void (() => makegood.GET("/v1/rules/{rule}"));

console.log(
  JSON.stringify({
    sent: sent.response.status,
    same: "ordinal" in pulled && "ordinal" in again && pulled.ordinal === again.ordinal,
    cords: cords.cords.map((c) => `${c.cord} ${c.standing.level}`),
    remedies,
    acted: rule.live?.acted ?? 0,
    problem: refused.error?.type,
    status: refused.response.status,
  }),
);
