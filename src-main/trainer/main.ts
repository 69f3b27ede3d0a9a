/** The trainer process: takes commands from the process that started it, does them one at a time, and ends with it. */
import { availableParallelism } from 'node:os';
import * as v from 'valibot';
import { AppError, toErrorData } from '../../src-shared/errors.ts';
import type { TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import { Command } from '../../src-shared/trainer-protocol.ts';
import { readCheckpoint } from './checkpoint.ts';
import { listEngines, openEngine } from './engines/find.ts';
import { Explorer, explorerThreads } from './explorer.ts';
import { exportGenerator } from './export/export.ts';
import { refuseExisting } from './files.ts';
import { leftOverThreads, makeWay, trainingPriority } from './make-way.ts';
import { Inception } from './measures/inception.ts';
import { measure } from './measures/measure.ts';
import { runEngine } from './run-engine.ts';
import { writeGrid } from './sample-grid.ts';
import { Sampler, latents } from './sampler.ts';
import { train } from './training-loop.ts';
import { stepSeconds } from './trial.ts';

function emit(event: TrainerEvent): void {
  process.send?.(event);
}

let interruption: 'paused' | 'stopped' | 'done' | null = null;
let explorer: Explorer | null = null;

/** One at a time; the others are listened to at any time. */
type Work = Extract<
  Command,
  { type: 'engines' | 'train' | 'inspect' | 'sample' | 'measure' | 'export' | 'trial' | 'explore' }
>;

async function work(command: Work): Promise<void> {
  switch (command.type) {
    case 'engines':
      emit({ type: 'engines', engines: await listEngines() });
      return;
    case 'train': {
      await makeWay(trainingPriority);
      const { engine, why } = await runEngine(command);
      const device = why === null ? engine.device : `${engine.device} (${why})`;
      emit({ type: 'engine', name: engine.name, device });
      await train(command, engine, { emit, interrupted: () => interruption });
      return;
    }
    case 'inspect': {
      const { info } = await readCheckpoint(command.checkpoint);
      emit({ type: 'inspected', step: info.step });
      return;
    }
    case 'sample': {
      await refuseExisting(command.file);
      const { info, state } = await readCheckpoint(command.checkpoint);
      const sampler = await Sampler.create(await openEngine(command.engine), info.design);
      const z = latents(command.seed, command.count, info.design.latentDim);
      const images = await sampler.images(await sampler.weights(state), z);
      const columns = await writeGrid(command.file, images, command.count, sampler.image);
      await sampler.dispose();
      emit({ type: 'sampled', file: command.file, columns });
      return;
    }
    case 'measure': {
      const { background, dataset, images, seed, reals } = command;
      if (background) await makeWay();
      const threads = background ? leftOverThreads() : availableParallelism();
      const engine = await openEngine(command.engine, { threads });
      const checkpoint = await readCheckpoint(command.checkpoint);
      const inception = command.inception === null ? null : await Inception.open(command.inception, threads);
      const values = await measure(
        engine,
        checkpoint,
        dataset,
        { images, seed, reals, inception },
        (phase, done, total) => emit({ type: 'progress', phase, done, total }),
      );
      await inception?.dispose();
      emit({ type: 'measured', step: checkpoint.info.step, values });
      return;
    }
    case 'export': {
      const checkpoint = await readCheckpoint(command.checkpoint);
      const engine = await openEngine(command.engine);
      emit({
        type: 'exported',
        ...(await exportGenerator(command.format, command.path, checkpoint, engine, (phase, done, total) =>
          emit({ type: 'progress', phase, done, total }),
        )),
      });
      return;
    }
    case 'trial': {
      const { design, hyperparameters } = command;
      const { engine } = await runEngine({ ...command, seed: 0, checkpoint: null });
      emit({
        type: 'tried',
        stepSeconds: await stepSeconds(design, hyperparameters, engine),
        engine: engine.name,
      });
      return;
    }
    case 'explore':
      explorer = await Explorer.open(
        command.checkpoint,
        await openEngine(command.engine, { threads: explorerThreads() }),
        emit,
      );
      emit(explorer.description);
  }
}

let busy = false;

async function receive(message: unknown): Promise<void> {
  try {
    const parsed = v.safeParse(Command, message);
    if (!parsed.success) {
      const [issue] = parsed.issues;
      const place = v.getDotPath(issue);
      const why = place === null ? issue.message : `${place}: ${issue.message}`;
      throw new AppError('trainer.bad-command', `The trainer does not understand the command: ${why}.`);
    }
    const command = parsed.output;
    switch (command.type) {
      case 'interrupt':
        interruption = command.as;
        return;
      case 'draw':
      case 'nearest':
      case 'animate':
        if (explorer === null) {
          throw new AppError('trainer.no-explorer', 'The trainer holds no generator to draw with.');
        }
        await explorer.answer(command);
        return;
      case 'cancel':
        explorer?.cancel(command.id);
        return;
      default:
        await workAlone(command);
    }
  } catch (error) {
    emit({ type: 'failed', error: toErrorData(error) });
  }
}

async function workAlone(command: Work): Promise<void> {
  if (busy) throw new AppError('trainer.busy', 'The trainer is at work already.');
  busy = true;
  interruption = null;
  try {
    await work(command);
  } finally {
    busy = false;
  }
}

// Whoever started this process is gone: nobody would ever hear of what it computes.
process.on('disconnect', () => process.exit(0));
// These may reach every process at once (a terminal, a service that is stopped); the parent decides what they mean.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
process.on('message', (message) => void receive(message));
emit({ type: 'ready' });
