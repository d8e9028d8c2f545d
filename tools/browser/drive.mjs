// Drives Chromium for tests in another language: it takes commands on its standard
// input, a line of JSON each, and answers each with a line: {id, value} or {id, error}.
// The command "open" opens a page of its own, in a browser that knows nothing yet, and
// its value is the number by which other commands name it. Selectors are Playwright's.
// Commands run at a time; with --in-order they run one after another, up to the first
// that fails, which is then the end with the code 1.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const patience = 120_000; // milliseconds, on a machine that does much else

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  // Root has no sandbox of Chromium's own, the pages are ours, and containers have little shared memory.
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
const pages = [];

async function open({ scheme = "light", width = 1280, height = 900, javascript = true }) {
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height }, javaScriptEnabled: javascript, acceptDownloads: true });
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  const opened = { page, troubles: [], bytes: 0, wire: await context.newCDPSession(page) };
  page.on("console", (message) => message.type() === "error" && opened.troubles.push(message.text()));
  page.on("pageerror", (error) => opened.troubles.push(String(error)));
  await opened.wire.send("Network.enable");
  opened.wire.on("Network.loadingFinished", ({ encodedDataLength }) => { opened.bytes += encodedDataLength; });
  return pages.push(opened) - 1;
}

// Each takes the page and the command, and returns the value of the answer.
const commands = {
  close: ({ page }) => page.context().close(),
  go: async (opened, { url }) => {
    opened.bytes = 0;
    return (await opened.page.goto(url, { waitUntil: "load" })).status();
  },
  url: ({ page }) => page.url(),
  click: ({ page }, { at }) => page.locator(at).first().click(),
  fill: ({ page }, { at, text }) => page.locator(at).first().fill(text),
  choose: ({ page }, { at, text }) => page.locator(at).first().selectOption(text),
  press: ({ page }, { text }) => page.keyboard.press(text),
  wait: ({ page }, { at }) => page.locator(at).first().waitFor(),
  texts: ({ page }, { at }) => page.locator(at).allInnerTexts(),
  evaluate: ({ page }, { text }) => page.evaluate(text),
  forget: ({ wire }) => wire.send("Network.clearBrowserCache").then(() => null),
  bytes: ({ bytes }) => bytes,
  // What the console of the browser was told of trouble since it was last asked.
  troubles: (opened) => opened.troubles.splice(0),
  picture: ({ page }, { file, whole }) => page.screenshot({ path: file, fullPage: whole }).then(() => null),
  // The page on paper, as a PDF, and how it looks on its way there: on paper of so many pixels.
  paper: ({ page }, { file }) => page.pdf({ path: file, format: "A4", preferCSSPageSize: true }).then(() => null),
  lay: async ({ page }, { media, width, height = 900 }) => {
    await page.emulateMedia({ media });
    await page.setViewportSize({ width, height });
  },
  // What hinders people with disabilities: a line for each element and rule.
  hindrances: async ({ page }) => {
    await page.evaluate(axe);
    const { violations } = await page.evaluate("axe.run(document, {resultTypes: ['violations']})");
    return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")}: ${n.failureSummary.replace(/\s+/g, " ")}`));
  },
  download: async ({ page }, { at }) => {
    const [file] = await Promise.all([page.waitForEvent("download"), page.locator(at).first().click()]);
    return readFileSync(await file.path(), "utf8");
  },
};

async function answer({ id, command, page, ...rest }) {
  try {
    const value = command === "open" ? await open(rest) : await commands[command](pages[page], rest);
    return { id, value: value ?? null };
  } catch (error) {
    return { id, error: String(error) };
  }
}

const inOrder = process.argv.includes("--in-order");
for await (const line of createInterface({ input: process.stdin })) {
  const told = answer(JSON.parse(line)).then((text) => {
    process.stdout.write(JSON.stringify(text) + "\n");
    return text;
  });
  if (inOrder && (await told).error) {
    process.exitCode = 1;
    break;
  }
}
await browser.close();
