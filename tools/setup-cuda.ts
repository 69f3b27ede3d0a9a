/**
 * `npm run setup:cuda`: TensorFlow for NVIDIA cards, for the engine `cuda`. Its 400 MB go into the folder `cuda` beside package.json, which
 * stays as it is, like package-lock.json: who has no such card never downloads them, and a later `npm install` leaves them alone.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { findCards } from '../src-main/trainer/engines/cards.ts';

const checkout = join(import.meta.dirname, '..');
const name = '@tensorflow/tfjs-node-gpu';

const usage = `npm run setup:cuda [-- --force] [-- --folder DIR]
  --force       also where no NVIDIA card is found
  --folder DIR  installs there instead of into the folder "cuda", where Ganvas looks for it`;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Ends with a reason and status 1. */
function giveUp(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}

/** The version that fits: TensorFlow.js' own, which it is released together with. */
function wantedVersion(): string {
  const text = readFileSync(join(checkout, 'package.json'), 'utf8');
  const Manifest = v.object({ dependencies: v.object({ '@tensorflow/tfjs': v.string() }) });
  return v.parse(Manifest, JSON.parse(text)).dependencies['@tensorflow/tfjs'];
}

async function requireCard(): Promise<void> {
  const cards = await findCards();
  const card = cards.find((found) => found.name.includes('NVIDIA'));
  if (card !== undefined) {
    say(`Found ${card.name}.`);
    return;
  }
  const found = cards.length === 0 ? 'none at all' : cards.map((other) => other.name).join(', ');
  giveUp(
    `No NVIDIA card is found here (${found}), so nothing was installed. The engine webgpu uses the cards of other makers. Where the card is there all the same: npm run setup:cuda -- --force`,
  );
}

/** @returns the exit status of npm, whose output is shown */
function install(folder: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const windows = process.platform === 'win32';
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--omit=dev'];
  const child = spawn(windows ? 'npm.cmd' : 'npm', args, { cwd: folder, stdio: 'inherit', shell: windows });
  child.on('error', () => resolve(127));
  child.on('close', (status) => resolve(status ?? 1));
  return promise;
}

const { force, folder, help } = parseArgs({
  options: {
    force: { type: 'boolean', default: false },
    folder: { type: 'string', default: join(checkout, 'cuda') },
    help: { type: 'boolean', default: false },
  },
}).values;
if (help) {
  say(usage);
  process.exit(0);
}
if (!['linux', 'win32'].includes(process.platform) || process.arch !== 'x64')
  giveUp(
    `TensorFlow for CUDA is made for Linux and Windows on x64, not for ${process.platform} on ${process.arch}.`,
  );
if (!force) await requireCard();

if (existsSync(folder)) giveUp(`${folder} is there already. Delete it to install anew.`);

const version = wantedVersion();
say(`Installing ${name} ${version} into ${folder}; its install script downloads 400 MB of TensorFlow.`);
mkdirSync(folder, { recursive: true });
const manifest = {
  private: true,
  description: 'Made by "npm run setup:cuda"; delete this folder to be rid of it.',
  dependencies: { [name]: version },
  allowScripts: { [name]: true, 'core-js': false },
};
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
const status = await install(folder);
if (status !== 0) {
  rmSync(folder, { recursive: true, force: true });
  giveUp(
    status === 127
      ? 'npm could not be started: it must be on the PATH. Nothing was installed.'
      : `npm could not install it (status ${status}; its own messages are above), and what it left was removed. Its download comes from storage.googleapis.com, which this machine must reach. The engines webgpu and onnx need no download.`,
  );
}
say(
  'Installed. It also needs the NVIDIA driver, CUDA 11.2 and cuDNN 8.1: "npx ganvas engines" says whether it starts.',
);
