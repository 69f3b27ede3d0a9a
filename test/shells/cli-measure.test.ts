/** Measures on the command line, with real trainers. */
import { expect, test } from 'vitest';
import { changed, tinyTraining, Workplace } from './ganvas-process.ts';

const enough = ['--data', 'sample:40x8'];
const ofType = (lines: readonly { type: string }[], type: string) =>
  lines.filter((line) => line.type === type);

test('a training is measured beside it, ends when it gets no better, and keeps the best', async () => {
  const place = new Workplace();
  const measured = ['--checkpoint-every', '50', '--measure-every', '50', '--measure-images', '16'];
  // With a rate that moves nothing, no checkpoint betters the first.
  const still = ['--lr', '1e-9', '--patience', '1', '--steps', '100000', '--keep-best', 'coverage'];
  const trained = await place.json(changed(tinyTraining, ...enough, ...measured, ...still));
  expect(trained).toMatchObject({ status: 0, stderr: '' });
  const metrics = ofType(trained.lines, 'metric') as unknown as {
    step: number;
    name: string;
    protocol: object;
  }[];
  const coverage = metrics.filter(({ name }) => name === 'coverage');
  expect(coverage.length).toBeGreaterThanOrEqual(2);
  expect(coverage[0]!.protocol).toMatchObject({ images: 16, seed: 0, neighbours: 5 });
  const [done] = ofType(trained.lines, 'done') as unknown as { state: string; step: number }[];
  expect(done!.state).toBe('done');
  expect(done!.step).toBeLessThan(100_000);
  const shown = await place.json(['show', '1']);
  const [run] = shown.lines as unknown as { reason: { code: string }; checkpoints: { step: number }[] }[];
  expect(run!.reason.code).toBe('run.no-better');
  expect(run!.checkpoints.map(({ step }) => step)).toContain(coverage[0]!.step);
});

test('measure tells every number with what real images give and how it was measured, and keeps them', async () => {
  const place = new Workplace();
  await place.json(changed(tinyTraining, ...enough, '--steps', '2', '--measure-every', '0'));
  const { status, lines } = await place.json(['measure', '1', '--images', '16']);
  expect(status).toBe(0);
  const names = ofType(lines, 'metric').map((line) => (line as unknown as { name: string }).name);
  expect(names).toEqual(expect.arrayContaining(['swd', 'swd-floor', 'ms-ssim', 'precision', 'copies']));
  expect(names).not.toContain('fid');
  const words = await place.run(['measure', '1', '--images', '16']);
  expect(words.stdout).toMatch(/SWD +[\d.]+ +[\d.]+ +images 16, seed 0, method ProGAN/);
  const refused = await place.run(['measure', '1', '--inception', 'nowhere.onnx']);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('cannot be used for FID and KID');
});
