/** Node's HTTP messages as the web's, and back. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { ReadableStream } from 'node:stream/web';

/** The request of a message; its address is right from the path on. */
export function requestOf(message: IncomingMessage): Request {
  const headers = new Headers();
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  const { method = 'GET' } = message;
  const url = new URL(message.url ?? '/', 'http://localhost');
  if (method === 'GET' || method === 'HEAD') return new Request(url, { method, headers });
  // Node's own stream would end the connection when its reader stops early, before the answer has been sent.
  const body = ReadableStream.from(message.iterator({ destroyOnReturn: false })) as Request['body'];
  const init = { method, headers, body, duplex: 'half' } as const;
  return new Request(url, init);
}

/** Sends an answer. Never rejects: a client that goes away is no error, and a file that breaks off breaks the connection off. */
export async function send(answer: Response, message: ServerResponse): Promise<void> {
  message.writeHead(answer.status, [...answer.headers].flat());
  if (answer.body === null) {
    message.end();
    return;
  }
  try {
    await pipeline(answer.body, message);
  } catch {
    message.destroy();
  }
}
