/**
 * Who may talk to the server: nobody but the person who started it. Other people of this machine and web pages of anybody can reach the
 * port, so three things are asked of every request: a host name that only this machine answers to (against DNS rebinding), an origin
 * that is our own page's (against requests that other pages make), and a cookie that only whoever saw the printed address gets.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { AppError } from '../../../src-shared/errors.ts';

/** What is asked of a request; its body plays no part. */
export interface Asking {
  method: string;
  /** As it stands in the request's first line. */
  url: string;
  headers: IncomingHttpHeaders;
  /** Whether it wants to become a WebSocket. */
  upgrade: boolean;
}

/** What becomes of a request. */
export type Verdict =
  | { kind: 'welcome' }
  /** The address with the token was opened: the browser gets the cookie, and an address without the token. */
  | { kind: 'enter'; cookie: string }
  | { kind: 'refused'; status: 400 | 401 | 403; error: AppError };

const secret = () => randomBytes(32).toString('base64url');

function equal(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** `name:port` of a `Host` header, in lower case; null for what is none. */
function hostOf(header: string | undefined): { name: string; port: string } | null {
  const match = /^(\[[\da-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i.exec(header ?? '');
  return match === null ? null : { name: match[1]!.toLowerCase(), port: match[2] ?? '80' };
}

const isAny = (host: string) => host === '0.0.0.0' || host === '::';

export class Access {
  readonly #host: string;
  readonly #onNewToken: () => void;
  /** One for all browsers, for as long as this process lives. */
  readonly #session = secret();
  #token = secret();
  readonly #spent: string[] = [];

  /**
   * @param host what the server listens on
   * @param onNewToken hears that the token has changed: somebody came with one that was used, which may be the person with a second
   * browser. Whoever sees what the server prints may go on.
   */
  constructor(host: string, onNewToken: () => void) {
    this.#host = host.toLowerCase();
    this.#onNewToken = onNewToken;
  }

  /** Lets one browser in, once. */
  get token(): string {
    return this.#token;
  }

  judge(asking: Asking): Verdict {
    const { method, headers, upgrade } = asking;
    const host = hostOf(headers.host);
    if (host === null || !this.#knows(host.name)) {
      return refused(
        403,
        'server.host',
        `Ganvas does not answer to the name "${headers.host ?? ''}". Open the address that it printed; behind an SSH tunnel, localhost with the tunnel's port.`,
      );
    }
    const simple = (method === 'GET' || method === 'HEAD') && !upgrade;
    const { origin } = headers;
    if (origin === undefined ? !simple : origin.toLowerCase() !== `http://${headers.host!.toLowerCase()}`) {
      return refused(403, 'server.origin', 'This request does not come from the page of Ganvas.');
    }
    const address = URL.parse(asking.url, 'http://ganvas');
    if (address === null || !asking.url.startsWith('/') || address.host !== 'ganvas') {
      return refused(400, 'request.bad-address', 'The address cannot be read.');
    }
    // Ports of one host share their cookies, so each has a name of its own.
    const cookie = `ganvas-${host.port}`;
    const known = cookies(headers.cookie, cookie).some((value) => equal(value, this.#session));
    const token = address.searchParams.get('token');
    const opens = token !== null && address.pathname === '/' && method === 'GET' && !upgrade;
    if (opens && (known || this.#spend(token))) {
      return { kind: 'enter', cookie: `${cookie}=${this.#session}; HttpOnly; Path=/; SameSite=Strict` };
    }
    if (known) return { kind: 'welcome' };
    return refused(
      401,
      'server.unknown',
      opens
        ? 'This address was used already, or Ganvas was started anew since. Open the newest address that it printed.'
        : 'Ganvas does not know this browser. Open the address that it printed when it started; after a new start it is another one.',
    );
  }

  /** Names that lead here from nowhere else, whatever the port: an SSH tunnel has its own at the other end. */
  #knows(name: string): boolean {
    if (name === 'localhost' || name === '127.0.0.1' || name === '[::1]') return true;
    const bare = name.replace(/^\[|\]$/g, '');
    // DNS can turn any name into any address, but an address is nobody's name.
    return isAny(this.#host) ? isIP(bare) !== 0 : bare === this.#host;
  }

  #spend(token: string): boolean {
    if (equal(token, this.#token)) {
      this.#spent.push(this.#token);
      this.#token = secret();
      return true;
    }
    const used = this.#spent.findIndex((spent) => equal(token, spent));
    if (used !== -1) {
      // Each asks for a new one once.
      this.#spent.splice(used, 1);
      this.#onNewToken();
    }
    return false;
  }
}

function refused(status: 400 | 401 | 403, code: string, message: string): Verdict {
  return { kind: 'refused', status, error: new AppError(code, message) };
}

/** Every value that a cookie of this name has. */
function cookies(header: string | undefined, name: string): string[] {
  return (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}
