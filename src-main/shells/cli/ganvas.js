#!/usr/bin/env node
// The command `ganvas`. Plain JavaScript, so that any Node from 18 on can start it; the rest of Ganvas is TypeScript for Node 24,
// so an older Node hands everything over to the one that the package `node` brought.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
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
  const child = spawn(node, process.argv.slice(1), { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  // A terminal sends Ctrl-C to the child as well, `kill` does not. Being told how many there were, the child counts none twice.
  // When this process is gone, the child sees that, too.
  let signals = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.send((signals += 1), () => undefined));
  }
  child.on('error', (error) => fail(error.message));
  child.on('exit', (status, signal) => process.exit(status ?? 128 + constants.signals[signal]));
}

function fail(reason) {
  process.stderr.write(
    `Ganvas needs the Node that its package "node" brings (${reason}): run "npm install" again; scripts must be allowed for the package "node".\n`,
  );
  process.exit(1);
}
