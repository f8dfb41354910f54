// The demo page: embeds the element and, where `pathglass serve` is behind it, offers its snapshots.
//
// The page's address says what to open: ?snapshot=name&from=…&to=…&port=…&protocol=…
import type { Verdict } from "pathglass-wasm";
import "./pathglass-view.js";
import type { PathglassView } from "./pathglass-view.js";

const API = "api/v1/snapshots";
const view = document.querySelector<PathglassView>("#view")!;
const label = document.querySelector<HTMLElement>("#snapshots")!;
const select = document.querySelector<HTMLSelectElement>("#snapshot")!;
const address = new URL(location.href);

/** The names that the server has; none where no server of ours is behind the page. */
async function names(): Promise<string[]> {
  try {
    const response = await fetch(API, { headers: { Accept: "application/json" } });
    if (!response.ok || !response.headers.get("Content-Type")?.includes("json")) return [];
    const list: unknown = await response.json();
    const entries = Array.isArray(list) ? list : ((list as { snapshots?: unknown[] }).snapshots ?? []);
    return entries.flatMap((entry) => (typeof entry === "string" ? [entry] : ((entry as { name?: string }).name ?? [])));
  } catch {
    return [];
  }
}

function open(name: string): void {
  address.searchParams.set("snapshot", name);
  history.replaceState(null, "", address);
  select.value = name;
  view.setAttribute("src", `${API}/${encodeURIComponent(name)}`);
}

select.addEventListener("change", () => {
  for (const name of ["from", "to", "port", "protocol"]) {
    view.removeAttribute(name);
    address.searchParams.delete(name);
  }
  open(select.value);
});

// The address follows the question, so that a verdict can be shown to somebody else by its link.
view.addEventListener("pathglass-verdict", (event) => {
  const { request } = (event as CustomEvent<Verdict>).detail.flow;
  for (const name of ["from", "to", "port", "protocol"] as const) {
    const value = request[name];
    if (value === undefined) address.searchParams.delete(name);
    else address.searchParams.set(name, String(value));
  }
  history.replaceState(null, "", address);
});

for (const name of ["from", "to", "port", "protocol"]) {
  const value = address.searchParams.get(name);
  if (value !== null) view.setAttribute(name, value);
}
const available = await names();
label.hidden = available.length === 0;
select.append(...available.map((name) => new Option(name)));
const wanted = address.searchParams.get("snapshot") ?? available[0];
if (wanted !== undefined) open(wanted);
