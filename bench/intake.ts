/** How fast images are taken in, beside Pillow doing the same in one process. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { prepareDataset } from '../src-main/datasets/prepare-dataset.ts';

interface Case {
  name: string;
  files: number;
  width: number;
  height: number;
  /** Height and width to fit to. */
  target: number;
}

const cases: readonly Case[] = [
  { name: 'tiny', files: 50_000, width: 32, height: 32, target: 32 },
  { name: 'photographs', files: 2_000, width: 1200, height: 800, target: 64 },
];
const rounds = 3;
const distinct = 50;

/**
 * Makes JPEG files in a temporary folder and takes them in with Ganvas and with Pillow by turns; prints the medians and
 * their ratios.
 */
export async function run(): Promise<void> {
  const python = findPython();
  console.log(`Taking images in (find, decode, fit, write, hash), ${availableParallelism()} cores`);
  if (python === null) {
    console.log('Python with Pillow is not installed (Debian: python3-pil): no comparison, Ganvas alone');
  }
  const dir = mkdtempSync(join(tmpdir(), 'ganvas-bench-'));
  try {
    for (const each of cases) await measure(each, join(dir, each.name), python);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measure(each: Case, dir: string, python: string | null): Promise<void> {
  const source = join(dir, 'images');
  await makeFiles(source, each);
  const ours: number[] = [];
  const plain: number[] = [];
  const draft: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const cacheDir = join(dir, `cache-${round}`);
    const start = performance.now();
    const settings = { height: each.target, width: each.target, channels: 3, fit: 'crop' } as const;
    const { count } = await prepareDataset(source, settings, { cacheDir });
    ours.push((performance.now() - start) / 1000);
    if (count !== each.files) throw new Error(`${count} of ${each.files} images were taken in`);
    if (python === null) continue;
    plain.push(runPillow(python, source, join(dir, `pillow-${round}`), each, []));
    draft.push(runPillow(python, source, join(dir, `draft-${round}`), each, ['draft']));
  }
  const rate = (seconds: readonly number[]): number => each.files / median(seconds);
  const title = `${each.files} ${each.name} of ${each.width}x${each.height} to ${each.target}x${each.target}`;
  const line = `${title}: Ganvas ${rate(ours).toFixed(0)} images/s`;
  console.log(line);
  if (python === null) return;
  const against = (name: string, theirs: readonly number[]) => {
    console.log(
      `  Pillow ${name} ${rate(theirs).toFixed(0)}: ${(rate(ours) / rate(theirs)).toFixed(2)} times`,
    );
  };
  against('as scripts use it', plain);
  against('shrinking while it decodes (draft)', draft);
}

/** Photograph-like images: detail at every scale, as in nature, so that the files are as hard as real ones. */
async function makeFiles(folder: string, { files, width, height }: Case): Promise<void> {
  let state = 1;
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const contents: Buffer[] = [];
  for (let i = 0; i < distinct; i++) {
    const sum = new Float32Array(width * height * 3).fill(128);
    for (let cells = 2; cells <= width / 2; cells *= 2) {
      const rows = Math.max(1, Math.round((cells * height) / width));
      const noise = Buffer.from(Array.from({ length: cells * rows * 3 }, () => random() * 256));
      const raw = { raw: { width: cells, height: rows, channels: 3 } } as const;
      const layer = await sharp(noise, raw).resize(width, height, { fit: 'fill' }).raw().toBuffer();
      const amount = 1.2 / Math.sqrt(cells);
      for (let at = 0; at < sum.length; at++) sum[at]! += (layer[at]! - 128) * amount;
    }
    const pixels = Uint8ClampedArray.from(sum);
    contents.push(
      await sharp(pixels, { raw: { width, height, channels: 3 } })
        .jpeg({ quality: 85 })
        .toBuffer(),
    );
  }
  for (let i = 0; i < files; i++) {
    const sub = join(folder, `class-${i % 10}`);
    if (i < 10) mkdirSync(sub, { recursive: true });
    writeFileSync(join(sub, `${String(i).padStart(6, '0')}.jpg`), contents[i % distinct]!);
  }
  const bytes = contents.reduce((total, content) => total + content.length, 0) / distinct;
  console.log(`  made ${files} files of ${(bytes / 1024).toFixed(1)} KB`);
}

function runPillow(python: string, source: string, out: string, { target }: Case, more: string[]): number {
  const script = fileURLToPath(new URL('intake_pillow.py', import.meta.url));
  const text = execFileSync(python, [script, source, out, String(target), String(target), ...more], {
    encoding: 'utf8',
  });
  const { seconds } = JSON.parse(text) as { seconds: number };
  return seconds;
}

/** A Python that has Pillow: the one on the path, else the system's. */
function findPython(): string | null {
  for (const python of ['python3', '/usr/bin/python3']) {
    try {
      execFileSync(python, ['-c', 'import PIL'], { stdio: 'ignore' });
      return python;
    } catch {
      continue;
    }
  }
  return null;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

if (import.meta.main) await run();
