/** `ganvas serve`: the application in a browser. */
import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import type { ApiEvent } from '../../../src-shared/api.ts';
import { api } from '../../../src-shared/api.ts';
import { AppError } from '../../../src-shared/errors.ts';
import type { App } from '../../core/app.ts';
import { Ending } from '../ending.ts';
import { openAddress } from '../open-address.ts';
import { builtPage } from '../page.ts';
import { Pages } from '../pages.ts';
import { createRespond } from '../respond.ts';
import { startServer } from '../server/server.ts';
import type { Interruption } from './interruption.ts';
import { interruptedStatus, unread } from './interruption.ts';
import { openApp } from './library.ts';
import { networkAddresses } from './network-addresses.ts';
import type { Words } from './options.ts';
import type { Output } from './output.ts';

/** @throws AppError `server.no-folder` */
function dataRoot(dir: string): string {
  const path = resolve(dir);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return path;
  throw new AppError(
    'server.no-folder',
    `There is no folder ${path}: --data-root names one that holds images.`,
    {
      path,
    },
  );
}

/** Opens the library for the page. @throws AppError what `openApp` throws; `library.in-use` says what else can be done */
function openToServe(words: Words, roots: readonly string[], broadcast: (event: ApiEvent) => void): App {
  try {
    return openApp(words, 'write', broadcast, roots);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'library.in-use')) throw error;
    const message = `${error.message} If it is "ganvas serve", open the address that it printed; another library is served with --library DIR.`;
    throw new AppError(error.code, message, error.details, { cause: error });
  }
}

const isLoopback = (host: string) =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/** @returns the exit status: 130, since only an interruption ends it */
export async function serveCommand(
  words: Words,
  output: Output,
  interruption: Interruption,
): Promise<number> {
  words.allow(['data-root', 'host', 'open', 'port']);
  const host = words.text('host') ?? '127.0.0.1';
  const port = words.integer('port', 0, 65535) ?? null;
  const roots = words.texts('data-root').map(dataRoot);
  const page = builtPage();

  const pages = new Pages();
  let ending: Ending | null = null;
  const app = openToServe(words, roots, (event) => {
    pages.broadcast(event);
    if (event.type === 'run') ending?.look();
  });
  try {
    let opened = false;
    const server = await startServer({
      host,
      port,
      respond: createRespond({ page, files: app.files }),
      connect: (connection) => pages.connect(connection, api, app.handlers),
      onAddress(address) {
        const elsewhere = networkAddresses(address, host, networkInterfaces());
        output.json({ type: 'serving', address, elsewhere, library: app.libraryDir });
        if (opened) output.line(`The address was used already. For another browser: ${address}`);
        else output.line(`Ganvas serves the library ${app.libraryDir}\nOpen ${address}`);
        for (const other of elsewhere) output.line(`From another machine: ${other}`);
        if (!opened && words.flag('open')) openAddress(address);
        opened = true;
      },
    });
    if (!isLoopback(host)) {
      output.line(
        `Warning: other machines can reach this, and nothing is encrypted: whoever is on the way reads all of it, the address too. An SSH tunnel is safer.`,
      );
    }
    output.line('Ctrl-C ends it, and what trains then with a checkpoint.');
    interruption.onSecond(() => app.close());
    await new Promise<void>((resolve) => interruption.onFirst(resolve));
    ending = new Ending(app);
    if (interruption.unread) output.notice(`${unread} The server ends, and what trains with a checkpoint.`);
    if (ending.look() > 0) output.line('Ending with a checkpoint. Ctrl-C again ends at once.');
    await ending.done;
    await server.close();
    return interruptedStatus;
  } finally {
    app.close();
  }
}
