#!/usr/bin/env node
// The command `ganvas`. Plain JavaScript, so that any Node from 18 on can start it; the rest of Ganvas is TypeScript for Node 24,
// so an older Node hands everything over to the one that the package `node` brought.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';

if (Number.parseInt(process.versions.node, 10) >= 24 && process.features.typescript) {
  await import('./main.ts');
} else {
  const node = pinnedNode();
  if (node === null) fail('it is not there');
  else handOver(node);
}

function pinnedNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    const path = join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(path) && path !== process.execPath ? path : null;
  } catch {
    return null;
  }
}

function handOver(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // Ctrl-C in a terminal reaches the child by itself, and twice would mean "stop at once".
  const terminal = hasTerminal();
  process.on('SIGINT', () => {
    if (!terminal) child.kill('SIGINT');
  });
  child.on('error', (error) => fail(error.message));
  child.on('exit', (status, signal) => process.exit(status ?? 128 + constants.signals[signal]));
}

/** Whether a terminal sends its Ctrl-C to this process and to the child alike. */
function hasTerminal() {
  if (process.platform === 'win32') return true;
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

function fail(reason) {
  process.stderr.write(
    `Ganvas needs the Node that its package "node" brings (${reason}): run "npm install" again; scripts must be allowed for the package "node".\n`,
  );
  process.exit(1);
}
