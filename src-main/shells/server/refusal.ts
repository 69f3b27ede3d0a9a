/** What a browser is shown that may not come in. */
import type { IncomingHttpHeaders } from 'node:http';
import type { AppError } from '../../../src-shared/errors.ts';
import { answer, answerError } from '../answer.ts';

const escaped = (text: string) => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

/**
 * A page for people, data for programs.
 *
 * A link on another site's page makes the browser leave a strict cookie out, and the redirect that follows the printed address counts as
 * part of that link. So such a browser is asked to come again, this time from a page of ours; there is no third time.
 */
export function refusal(status: number, error: AppError, headers: IncomingHttpHeaders): Response {
  if (headers.accept?.includes('text/html') !== true) return answerError(error, status);
  const again = status === 401 && headers['sec-fetch-site'] === 'cross-site';
  const text = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="color-scheme" content="light dark">
    <title>Ganvas</title>${again ? '\n    <meta http-equiv="refresh" content="0; url=/">' : ''}
  </head>
  <body style="font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 4em auto; padding: 0 1em">
    <h1>Ganvas</h1>
    <p>${escaped(error.message)}</p>
  </body>
</html>
`;
  return answer(status, { 'content-type': 'text/html; charset=utf-8' }, text);
}
