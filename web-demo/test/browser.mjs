// The whole way in a real browser, and a look at the picture.
//
//   PATHGLASS=<binary> PATHGLASS_EXAMPLE=<capture> node test/browser.mjs
//       seals the capture, starts `pathglass serve` on it, and asks what the capture's expectations.json measured
//   node test/browser.mjs <address> --file <snapshot> --from <typed> --to <typed> [options]
//       asks a server that runs already and has this snapshot, by its file name
//
//   --from, --to        what a person types to find source and destination, e.g. `client-1`
//   --port, --protocol  where the suggested ones are not wanted
//   --outcome <word>    the outcome that must come out, e.g. `timeout`
//   --object <object>   what the cause must point at, e.g. `node:node-2`
//   --shots <folder>    where screenshots go (default: test/shots)
// CHROMIUM names the browser (default: /usr/bin/chromium).
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { decodePng, share } from "./png.mjs";

const text = { type: "string" };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { file: text, from: text, to: text, port: text, protocol: text, outcome: text, object: text, shots: text },
});
const shots = values.shots ?? fileURLToPath(new URL("./shots", import.meta.url));
await mkdir(shots, { recursive: true });
const { address, wanted, several, stop } = await prepare();
const snapshot = basename(wanted.file);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
const complaints = [];
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
context.on("request", (request) => {
  const { origin, protocol } = new URL(request.url());
  if (origin !== new URL(address).origin && protocol !== "data:" && protocol !== "blob:") complaints.push(`a request left the origin: ${request.url()}`);
});
const page = await context.newPage();
page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(`console: ${message.text()}`));
page.on("pageerror", (error) => complaints.push(`error in the page: ${error.message}`));
// Long, since the machines that run this are often busy; what is right never waits for it.
page.setDefaultTimeout(180_000);
await page.addInitScript(() => {
  window.verdicts = [];
  window.addEventListener("pathglass-verdict", ({ detail }) => window.verdicts.push(detail));
  window.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => console.error(`CSP ${violatedDirective} ${blockedURI}`));
});
const box = (name) => page.getByRole("combobox", { name, exact: true });
const lastVerdict = () => page.evaluate(() => window.verdicts.at(-1));
const shoot = (name) => page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });

let question;
let passed = 0;
async function check(name, run) {
  const start = performance.now();
  try {
    await run();
    assert.deepEqual(complaints, []);
    passed++;
    console.log(`ok    ${name} (${Math.round(performance.now() - start)} ms)`);
  } catch (error) {
    await shoot("failure").catch(() => {});
    console.error(`FAIL  ${name}\n${error.stack}\n${complaints.join("\n")}\na screenshot is in ${shots}/failure.png`);
    process.exitCode = 1;
    throw error;
  }
}

try {
  await check("the server's snapshot opens", async () => {
    await page.goto(address);
    await page.locator("#snapshot option", { hasText: snapshot }).first().waitFor({ state: "attached" });
    await page.locator("#snapshot").selectOption(snapshot);
    await page.getByRole("button", { name: "Diagnose" }).waitFor();
    await page.locator("pathglass-view .bar", { hasText: snapshot }).waitFor();
  });

  await check("source and destination are found by typing, with the keyboard alone", async () => {
    await complete("From", wanted.from);
    await complete("To", wanted.to);
    if (wanted.protocol) await page.getByLabel("Protocol").selectOption(wanted.protocol);
    if (wanted.port) await page.getByLabel("Port").fill(wanted.port);
    await shoot("1-question");
  });

  await check("the diagnosis shows outcome, cause and fix in words", async () => {
    await box("To").press("Enter");
    await page.locator(".verdict").waitFor();
    const verdict = await lastVerdict();
    question = verdict.flow.request;
    if (wanted.outcome) assert.equal(verdict.outcome, wanted.outcome);
    assert.equal((await page.locator(".verdict .outcome").innerText()).toLowerCase(), verdict.outcome);
    const cause = verdict.findings.find(({ severity }) => severity === "cause");
    if (!["connected", "unknown"].includes(verdict.outcome)) assert.ok(cause, "a failing flow has a cause");
    if (cause) {
      const words = plain(await page.locator(".verdict .cause .message").innerText());
      assert.ok(words.toLowerCase().startsWith(plain(cause.message).toLowerCase()), `\`${words}\` is the cause`);
      if (wanted.object) assert.equal(cause.object, wanted.object);
      if (cause.fix) await page.locator(".verdict .fix").waitFor();
      assert.ok((await page.locator(".verdict .cause .evidence li").count()) > 0, "the cause cites evidence");
    }
    await shoot("2-verdict");
  });

  await check("the picture shows every hop in its box, and the abnormal one marked", async () => {
    const verdict = await lastVerdict();
    const shown = Math.max(0, verdict.branches.findIndex(({ outcome }) => outcome !== "connected"));
    const branch = verdict.branches[shown];
    assert.equal(await page.locator(".picture .hop").count(), branch.hops.length + branch.reply.hops.length);
    if (verdict.branches.length > 1) assert.equal(await page.getByRole("tab").count(), verdict.branches.length);
    await noTextLeavesItsBox();
    await paintedPicture(branch.outcome);
  });

  await check("a click, or Enter, on a hop shows its evidence", async () => {
    const { hops } = (await lastVerdict()).branches[await shownBranch()];
    for (const [index, hop] of hops.entries()) {
      const group = page.locator(`.picture .hop[data-lane="forward"][data-index="${index}"]`);
      if (index % 2 === 0) await group.click();
      else await group.press("Enter");
      assert.equal(await group.getAttribute("aria-pressed"), "true");
      await page.locator(".hop-detail .number", { hasText: String(index + 1) }).waitFor();
      assert.equal(await page.locator(".hop-detail .steps > li").count(), hop.steps.length);
      const cited = hop.steps.flatMap(({ evidence }) => evidence).find((one) => one.text.trim());
      if (!cited) continue;
      const pre = page.locator(".hop-detail .evidence pre").first();
      await pre.scrollIntoViewIfNeeded();
      assert.ok(await pre.isVisible());
      assert.equal(await pre.textContent(), cited.text);
      assert.equal(await page.locator(".hop-detail .evidence .file").first().innerText(), cited.file);
    }
    assert.ok(hops.some(({ steps }) => steps.some(({ evidence }) => evidence.length > 0)), "some hop cites evidence");
    await shoot("3-hop");
  });

  if (several) {
    await check("where the packet can take several ways, each is a tab with its own picture", async () => {
      await complete("From", several.from);
      await complete("To", several.to);
      await page.getByLabel("Port").fill(several.port);
      const before = await page.evaluate(() => window.verdicts.length);
      await page.getByRole("button", { name: "Diagnose" }).click();
      await page.waitForFunction((n) => window.verdicts.length > n, before);
      const { branches, outcome } = await lastVerdict();
      assert.equal(outcome, "partial");
      assert.equal(await page.getByRole("tab").count(), branches.length);
      for (const [at, branch] of branches.entries()) {
        const tab = page.getByRole("tab").nth(at);
        await tab.click();
        assert.ok((await tab.innerText()).includes(branch.probability), "a tab says how likely its way is");
        assert.equal(await page.locator(".picture .hop").count(), branch.hops.length + branch.reply.hops.length);
        await noTextLeavesItsBox();
        await paintedPicture(branch.outcome);
      }
      await shoot("8-several");
    });
  }

  await check("dark, and on a small screen, nothing is cut off", async () => {
    await page.emulateMedia({ colorScheme: "dark" });
    await shoot("4-dark");
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 390, height: 844 });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is no wider than the screen");
    await shoot("5-small");
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  await check("a link opens and diagnoses straight away", async () => {
    const before = JSON.stringify(await lastVerdict());
    const link = page.url();
    for (const part of ["snapshot", "from", "to"]) assert.ok(new URL(link).searchParams.get(part), `\`${part}\` is in the page's address`);
    await page.goto("about:blank");
    await page.goto(link);
    await page.locator(".verdict").waitFor();
    assert.equal(JSON.stringify(await lastVerdict()), before);
  });

  await check("a file that is chosen, or dropped, gives the same verdict", async () => {
    const before = JSON.stringify(await ask());
    await page.goto(new URL("?", address).href);
    await page.locator("pathglass-view #file").setInputFiles(wanted.file);
    await page.locator("pathglass-view .bar", { hasText: basename(wanted.file) }).waitFor();
    assert.equal(JSON.stringify(await ask()), before);
    await drop(await readFile(wanted.file), "dropped.zip");
    await page.locator("pathglass-view .bar", { hasText: "dropped.zip" }).waitFor();
    assert.equal(JSON.stringify(await ask()), before);
  });

  await check("a mistyped name is explained beside its field", async () => {
    await box("From").fill(`${question.from}x`);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Diagnose" }).click();
    await page.locator(".combo.from .field-error", { hasText: /\w/ }).waitFor();
    assert.equal(await box("From").getAttribute("aria-invalid"), "true");
    await shoot("6-mistyped");
  });

  await check("a file that is no snapshot is refused in words, and the next one opens", async () => {
    await drop(Buffer.from("not a snapshot"), "letter.txt");
    await page.locator(".opener .problem", { hasText: "letter.txt" }).waitFor();
    await shoot("7-refused");
    await drop(await readFile(wanted.file), "again.zip");
    await page.locator("pathglass-view .bar", { hasText: "again.zip" }).waitFor();
  });

  await check("a panic in the module is a typed error, and the page goes on", async () => {
    // What is still being read of the snapshot would be lost with the worker, too.
    await page.getByRole("button", { name: "Diagnose" }).waitFor();
    const error = await page.evaluate(() => {
      const { engine } = document.querySelector("pathglass-view");
      return engine.panicForTest().then(
        () => null,
        ({ name, kind, message }) => ({ name, kind, message }),
      );
    });
    assert.equal(error?.kind, "internal");
    assert.match(error.message, /asked to panic by a test/);
    assert.ok(await ask(), "the same snapshot answers again, in a new worker");
  });
} catch {
  // Reported where it happened.
} finally {
  console.log(`screenshots: ${shots}\n${passed} passed, ${process.exitCode ? 1 : 0} failed`);
  await browser.close();
  await stop();
}

/** Types into a combobox, takes the first match with the keyboard. */
async function complete(label, typed) {
  const input = box(label);
  await input.click();
  await input.fill("");
  await input.pressSequentially(typed);
  await page.locator(".options:not([hidden]) [role=option]").first().waitFor();
  await input.press("ArrowDown");
  await input.press("Enter");
  assert.match(await input.inputValue(), /^(pod|node|service):/);
  assert.equal(await input.getAttribute("aria-expanded"), "false");
}

/** Asks the question of this run anew and waits for its verdict. */
async function ask() {
  await page.getByRole("button", { name: "Diagnose" }).waitFor();
  const before = await page.evaluate(() => window.verdicts.length);
  const { from, to, port, protocol } = question;
  await box("From").fill(from);
  await box("To").fill(to);
  await page.keyboard.press("Escape");
  if (protocol) await page.getByLabel("Protocol").selectOption(protocol);
  if (port) await page.getByLabel("Port").fill(String(port));
  await page.getByRole("button", { name: "Diagnose" }).click();
  await page.waitForFunction((n) => window.verdicts.length > n, before);
  return lastVerdict();
}

async function drop(bytes, name) {
  await page.evaluate(
    ([base64, name]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0))], name));
      const frame = document.querySelector("pathglass-view").shadowRoot.querySelector(".frame");
      for (const type of ["dragover", "drop"]) frame.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
    },
    [bytes.toString("base64"), name],
  );
}

async function shownBranch() {
  const tabs = page.getByRole("tab");
  for (let at = 0; at < (await tabs.count()); at++) if ((await tabs.nth(at).getAttribute("aria-selected")) === "true") return at;
  return 0;
}

/** Measures what is drawn: texts within their boxes, boxes beside one another. */
async function noTextLeavesItsBox() {
  const { frames, texts } = await page.evaluate(() => {
    const root = document.querySelector("pathglass-view").shadowRoot;
    const rects = (selector) => [...root.querySelectorAll(selector)].map((one) => ({ text: one.textContent, ...one.getBoundingClientRect().toJSON() }));
    return { frames: rects(".picture .box .frame"), texts: rects(".picture .box > text, .picture .hop > text") };
  });
  for (const text of texts) {
    const home = frames.find(({ left, right }) => text.left >= left - 1 && text.right <= right + 1);
    assert.ok(home, `\`${text.text}\` is wider than its box`);
  }
  frames.sort((a, b) => a.left - b.left);
  frames.slice(1).forEach((frame, at) => assert.ok(frame.left > frames[at].right, "boxes stand beside one another"));
}

/** Looks at the pixels: something is drawn, and the mark is where it should be, in its colour. */
async function paintedPicture(outcome) {
  const svg = page.locator(".picture");
  await svg.scrollIntoViewIfNeeded();
  const image = decodePng(await svg.screenshot({ path: `${shots}/picture.png` }));
  const background = image.at(1, 1).join();
  const drawn = share(image, (pixel) => pixel.join() !== background);
  assert.ok(drawn > 0.15, `${Math.round(drawn * 100)} % of the picture is drawn`);
  const marks = page.locator(".picture .mark");
  if (outcome === "connected") return assert.equal(await marks.count(), 0, "nothing is marked where all is well");

  const mark = marks.first();
  await mark.scrollIntoViewIfNeeded();
  const [at, picture, view] = [await mark.boundingBox(), await svg.boundingBox(), page.viewportSize()];
  assert.ok(at.x >= 0 && at.y >= 0 && at.x + at.width <= view.width && at.y + at.height <= view.height, "the mark is on the screen");
  assert.ok(at.x >= picture.x && at.x + at.width <= picture.x + picture.width, "the mark is in the picture");
  const fill = await mark.locator("circle").evaluate((circle) => getComputedStyle(circle).fill.match(/\d+/g).slice(0, 3).map(Number));
  const around = decodePng(await page.screenshot({ clip: at }));
  const painted = share(around, (pixel) => pixel.every((part, index) => Math.abs(part - fill[index]) < 24));
  assert.ok(painted > 0.3, `${Math.round(painted * 100)} % of the mark has its colour`);
  await page.locator(".picture .callout text").waitFor();
}

/** Without what only formats: backticks and the final stop. */
function plain(sentence) {
  return sentence.replaceAll("`", "").replace(/\.$/, "").trim();
}

/** Where to ask, and what: from the arguments, or a server of our own on the example. */
async function prepare() {
  if (positionals[0]) {
    if (!values.file || !values.from || !values.to) throw new Error("--file, --from and --to are needed: see the head of browser.mjs");
    return { address: positionals[0], wanted: values, stop() {} };
  }
  const { PATHGLASS: binary, PATHGLASS_EXAMPLE: example } = process.env;
  if (!binary || !example) throw new Error("give an address, or PATHGLASS and PATHGLASS_EXAMPLE: see the head of browser.mjs");
  const { flows } = JSON.parse(await readFile(join(example, "expectations.json"), "utf8"));
  const broken = flows.find(({ cause, observed }) => cause && Object.keys(observed.outcomes).length === 1);
  const forked = flows.find(({ observed, from }) => Object.keys(observed?.outcomes ?? {}).length > 1 && from === broken?.from);
  if (!broken) throw new Error(`\`${example}\` has no flow that fails for a known cause`);

  const folder = await mkdtemp(join(tmpdir(), "pathglass-"));
  const file = join(folder, `${basename(example)}.pathglass`);
  execFileSync(binary, ["seal", example, "--output", file], { stdio: "inherit" });
  const { address, server } = await serve(binary, file);
  return {
    address,
    wanted: { file, outcome: Object.keys(broken.observed.outcomes)[0], object: broken.cause.objects[0], ...typed(broken) },
    several: forked && typed(forked),
    async stop() {
      server.kill();
      await rm(folder, { recursive: true });
    },
  };
}

/** What a person types for this flow: names without their kind; addresses complete to what has them. */
function typed({ from, to, port, protocol }) {
  const short = (end) => end.replace(/^(pod|node|service|ip):/, "");
  return { from: short(from), to: short(to), port: String(port), protocol: protocol ?? "tcp" };
}

/** Starts `pathglass serve` and reads its address from what it prints. */
function serve(binary, file) {
  const server = spawn(binary, ["serve", file, "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "pipe"] });
  return new Promise((resolve, reject) => {
    let printed = "";
    const read = (chunk) => {
      printed += chunk;
      const found = /http:\/\/\S+/.exec(printed);
      if (found) resolve({ address: found[0], server });
    };
    server.stdout.on("data", read);
    server.stderr.on("data", read);
    server.on("exit", (code) => reject(new Error(`\`${binary} serve\` ended with ${code}: ${printed}`)));
  });
}
