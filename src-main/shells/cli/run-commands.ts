/** `ganvas runs`, `show`, `rename`, `delete`: what the library holds. */
import { formatShape } from '../../../src-shared/gan/shape.ts';
import type { Run } from '../../../src-shared/library.ts';
import { shortKey } from './datasets-command.ts';
import { namedRun, nextCommand, openToChange, openToLook } from './library.ts';
import type { Words } from './options.ts';
import type { Output } from './output.ts';
import { formatBytes, formatCount, formatSeconds, formatTime, table } from './output.ts';

const dateOf = (time: number | null) => (time === null ? null : new Date(time).toISOString());

function runData(run: Run) {
  const { createdAt, startedAt, endedAt, ...rest } = run;
  return { ...rest, createdAt: dateOf(createdAt), startedAt: dateOf(startedAt), endedAt: dateOf(endedAt) };
}

export function runsCommand(words: Words, output: Output): number {
  words.allow([]);
  const app = openToLook(words);
  try {
    const runs = app.runs.list();
    for (const run of runs) output.json({ type: 'run', ...runData(run) });
    if (runs.length === 0) output.line(`No runs yet in ${app.libraryDir}.`);
    else {
      const rows = runs.map((run) => [
        String(run.number),
        run.name,
        run.state,
        formatCount(run.step),
        (run.imagesSeen / 1000).toFixed(1),
        formatShape(run.design.discriminator.image),
        app.sourceName(run.dataset.source),
        formatTime(run.createdAt),
      ]);
      const head = ['run', 'name', 'state', 'step', 'kimg', 'images', 'data', 'created (UTC)'];
      for (const line of table([head, ...rows])) output.line(line);
    }
    return 0;
  } finally {
    app.close();
  }
}

export function showCommand(words: Words, output: Output): number {
  words.allow([], 1);
  const which = words.argument('the number, id or name of a run');
  const app = openToLook(words);
  try {
    const { run, ...rest } = app.runs.details(namedRun(app, which, words).id);
    const { history, last, samples, checkpoints, exports, diskUse, ownDataset } = rest;
    output.json({ type: 'run', ...runData(run), ...rest });
    const { loss, batch, discriminator, generator } = run.hyperparameters;
    const rows: [string, string][] = [
      ['name', run.name],
      ['id', run.id],
      ['state', run.reason === null ? run.state : `${run.state}: ${run.reason.message}`],
      [
        'trained',
        `${formatCount(run.step)} steps, ${(run.imagesSeen / 1000).toFixed(1)} kimg, ${formatSeconds(run.trainingSeconds)}`,
      ],
      [
        'design',
        `${run.design.name}, ${formatShape(run.design.discriminator.image)}, z ${run.design.latentDim}`,
      ],
      ['data', `${app.sourceName(run.dataset.source)}, ${formatCount(run.dataset.count)} images`],
      ['settings', `${loss} loss, batch ${batch}, seed ${run.seed}`],
      ['learning rates', `D ${discriminator.learningRate}, G ${generator.learningRate}`],
      [
        'engine',
        run.engine === null ? `${run.engineWanted} (not started yet)` : `${run.engine} on ${run.device}`,
      ],
      ...(last === null
        ? []
        : [
            [
              'losses',
              `D ${last.lossD.toFixed(3)}, G ${last.lossG.toFixed(3)}, D(x) ${last.dReal.toFixed(3)}, D(G(z)) ${last.dFake.toFixed(3)}`,
            ] as [string, string],
          ]),
      ['samples', samples.length === 0 ? 'none' : `${samples.length}, newest ${samples.at(-1)!.file}`],
      [
        'checkpoints',
        checkpoints.length === 0
          ? 'none'
          : `steps ${checkpoints.map(({ step }) => step).join(', ')}, newest ${checkpoints.at(-1)!.folder}`,
      ],
      [
        'on disk',
        ownDataset === null
          ? formatBytes(diskUse)
          : `${formatBytes(diskUse)}, and ${formatBytes(ownDataset.bytes)} of prepared images that no other run uses`,
      ],
      ...exports.map(
        ({ format, path, step }) => ['exported', `${format} of step ${step}: ${path}`] as [string, string],
      ),
    ];
    output.line(`Run ${run.number}`);
    for (const line of table(rows)) output.line(line);
    output.line('');
    for (const { state, at, reason } of history) {
      output.line(
        `${dateOf(at)!.slice(0, 19).replace('T', ' ')}  ${state}${reason === null ? '' : `: ${reason.message}`}`,
      );
    }
    return 0;
  } finally {
    app.close();
  }
}

export function renameCommand(words: Words, output: Output): number {
  words.allow([], 2);
  const which = words.argument('the number, id or name of a run');
  const name = words.nameArgument('a new name behind the run', 1);
  const app = openToChange(words);
  try {
    const before = namedRun(app, which, words);
    const { run, experiment } = app.runs.rename(before.id, name);
    const { id, number } = run;
    output.json({ type: 'renamed', id, number, name: run.name, experiment: experiment?.id ?? null });
    const along =
      experiment === null ? 'its experiment has other runs and keeps its name' : 'and so is its experiment';
    output.line(`Run ${number} "${before.name}" is called "${run.name}" now; ${along}.`);
    return 0;
  } finally {
    app.close();
  }
}

export function deleteCommand(words: Words, output: Output): number {
  words.allow([], 1);
  const which = words.argument('the number, id or name of a run');
  const app = openToChange(words);
  try {
    const run = namedRun(app, which, words);
    const { diskUse, ownDataset } = app.runs.details(run.id);
    const experiment = app.runs.delete(run.id);
    const { id, number } = run;
    const data = { id, number, bytes: diskUse, ownDataset, experiment: experiment?.id ?? null };
    output.json({ type: 'deleted', ...data });
    const along =
      experiment === null ? '' : `, and with it the experiment "${experiment.name}", which has no other run`;
    output.line(`Deleted run ${number} "${run.name}" for good (${formatBytes(diskUse)})${along}.`);
    if (ownDataset !== null) {
      const next = nextCommand(words, `datasets --delete ${shortKey(ownDataset.key)}`);
      output.line(
        `Its images stay prepared (${formatBytes(ownDataset.bytes)}), though no run uses them now. To delete them: ${next}`,
      );
    }
    return 0;
  } finally {
    app.close();
  }
}
