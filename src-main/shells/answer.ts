/** Answers to requests, with the headers that every one of them carries. */
import type { ErrorData } from '../../src-shared/errors.ts';
import { toErrorData } from '../../src-shared/errors.ts';

/** Everything that a page may load is a file of ours; nothing may frame it. Styles in attributes are how components size things. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' blob:",
  // The WebSocket of the same host and port as well (CSP 3; Chromium from 70 on, Firefox, Safari from 15.4 on).
  "connect-src 'self'",
  "worker-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'none'",
].join('; ');

const always: Readonly<Record<string, string>> = {
  'content-security-policy': contentSecurityPolicy,
  'cross-origin-opener-policy': 'same-origin',
  // Pages of other ports of this machine are the same site: they may not show our pictures either.
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), display-capture=(), geolocation=(), microphone=()',
  // Not `no-referrer`: that makes the origin of some requests null, which the server asks for.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
};

/** A response with the headers that every response has. Without a `cache-control` of its own it is not kept anywhere. */
export function answer(
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | string | null = null,
): Response {
  return new Response(body, { status, headers: { 'cache-control': 'no-store', ...headers, ...always } });
}

/** Statuses of errors that are not told by their code's last part. */
const statuses: Readonly<Record<string, number>> = {
  'disk.full': 507,
  internal: 500,
};

function statusOf({ code }: ErrorData): number {
  const kind = code.slice(code.lastIndexOf('.') + 1);
  if (Object.hasOwn(statuses, code)) return statuses[code]!;
  if (kind === 'missing') return 404;
  if (kind === 'too-large') return 413;
  if (kind.startsWith('bad-')) return 400;
  return 500;
}

/**
 * An error as JSON `{code, message, details}`.
 * @param status what its code means where it is left out: `*.missing` 404, `*.too-large` 413, `*.bad-*` 400, `disk.full` 507, others 500
 */
export function answerError(
  thrown: unknown,
  status?: number,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { code, message, details } = toErrorData(thrown);
  // A stack is for whoever reads our code, not for whoever asks for a picture.
  const { stack: _, ...telling } = details;
  const data: ErrorData = {
    code,
    message: code === 'internal' ? `Something went wrong inside Ganvas: ${message}` : message,
    details: telling,
  };
  return answer(
    status ?? statusOf(data),
    { 'content-type': 'application/json; charset=utf-8', ...headers },
    JSON.stringify(data),
  );
}
