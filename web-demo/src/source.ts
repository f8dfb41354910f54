// Reads ranges of a snapshot: from a file that the user chose, or over HTTP.
import type { SnapshotSource } from "./protocol.js";
import { EngineError } from "./protocol.js";

/** Bytes that can be read in part. */
export interface Bytes {
  readonly length: number;
  read(start: number, end: number): Promise<Uint8Array>;
}

/** The snapshot's directory is at its end: a first request for the tail mostly saves a second one. */
const TAIL = 64 * 1024;

export async function openSource(source: SnapshotSource): Promise<Bytes> {
  return "blob" in source ? fromBlob(source.blob) : fromUrl(source.url);
}

function fromBlob(blob: Blob): Bytes {
  return {
    length: blob.size,
    async read(start, end) {
      return new Uint8Array(await blob.slice(start, end).arrayBuffer());
    },
  };
}

async function fromUrl(url: string): Promise<Bytes> {
  const first = await get(url, { Range: `bytes=-${TAIL}` });
  const total = /\/(\d+)$/.exec(first.headers.get("Content-Range") ?? "")?.[1];
  // A server without ranges answers with the whole file.
  if (first.status !== 206 || total === undefined) return fromBlob(await first.blob());

  const length = Number(total);
  const tail = new Uint8Array(await first.arrayBuffer());
  const tailStart = length - tail.length;
  const etag = first.headers.get("ETag");
  const sameFile: Record<string, string> = etag?.startsWith('"') ? { "If-Range": etag } : {};
  return {
    length,
    async read(start, end) {
      if (start >= tailStart) return tail.slice(start - tailStart, end - tailStart);
      const part = await get(url, { Range: `bytes=${start}-${end - 1}`, ...sameFile });
      if (part.status !== 206) throw failure(`\`${url}\` changed on the server while it was read: open it again`);
      return new Uint8Array(await part.arrayBuffer());
    },
  };
}

async function get(url: string, headers: Record<string, string>): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { headers });
  } catch {
    throw failure(`\`${url}\` cannot be fetched: is the server still running?`);
  }
  if (!response.ok) throw failure(`\`${url}\` cannot be fetched: the server answers ${response.status} ${response.statusText}`);
  return response;
}

function failure(message: string): EngineError {
  return new EngineError({ kind: "snapshot", message });
}
