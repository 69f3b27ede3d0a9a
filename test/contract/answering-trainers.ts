/** Trainers that answer at once, and train when a test says so: what a window sees of them is what it sees of real ones. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Trainer, TrainerHost, TrainerListener } from '../../src-main/core/trainer-host.ts';
import type { Command, TrainCommand, TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import { steps } from '../store/content.ts';

interface Training {
  command: TrainCommand;
  say: (event: TrainerEvent) => void;
}

export class AnsweringHost implements TrainerHost {
  /** What trains, the newest last. */
  readonly trainings: Training[] = [];

  start({ onEvent }: TrainerListener): Trainer {
    let alive = true;
    let checkpoint = '';
    const say = (event: TrainerEvent) => {
      if (alive) onEvent(event);
    };
    return {
      send: (command) =>
        queueMicrotask(() => {
          if (command.type === 'train') this.trainings.push({ command, say });
          if (command.type === 'explore') checkpoint = command.checkpoint;
          for (const event of answers(command, checkpoint)) say(event);
        }),
      kill() {
        alive = false;
      },
    };
  }

  /** Has what trains do its steps `from` to `to`, with a sample and a checkpoint at the end; with `as`, it ends then. */
  train(from: number, to: number, as?: 'paused' | 'stopped' | 'done'): void {
    const { command, say } = this.trainings.at(-1)!;
    const batch = command.hyperparameters.batch;
    const name = String(to).padStart(8, '0');
    const [sample, checkpoint] = [
      join(command.runDir, 'samples', `${name}.png`),
      join(command.runDir, 'checkpoints', name),
    ];
    for (const folder of [join(command.runDir, 'samples'), checkpoint])
      mkdirSync(folder, { recursive: true });
    writeFileSync(sample, 'a picture');
    writeFileSync(join(checkpoint, 'state.safetensors'), `weights of step ${to}`);
    const progress = { imagesSeen: to * batch, trainingSeconds: 1 };
    say({ type: 'engine', name: 'onnx', device: 'CPU' });
    say({ type: 'steps', steps: steps(from, to), ...progress, remainingSeconds: 3 });
    say({ type: 'resources', cpu: 0.5, memoryBytes: 1e8 });
    say({ type: 'sample', step: to, file: sample, count: 4, columns: 2 });
    say({ type: 'checkpoint', step: to, ...progress, folder: checkpoint, bytes: 1 });
    if (as !== undefined) say({ type: 'trained', as });
  }
}

function answers(command: Command, checkpoint: string): TrainerEvent[] {
  switch (command.type) {
    case 'engines':
      return [
        {
          type: 'engines',
          engines: [{ name: 'onnx', available: true, device: 'CPU', memoryBytes: 1e9, note: 'here' }],
        },
      ];
    case 'trial':
      return [{ type: 'tried', stepSeconds: 0.5, engine: 'onnx' }];
    case 'inspect':
      return [{ type: 'inspected', step: Number.parseInt(command.checkpoint.slice(-8), 10) }];
    case 'measure': {
      const { images, seed } = command;
      const step = Number.parseInt(command.checkpoint.slice(-8), 10);
      return [
        { type: 'progress', phase: 'comparing patches', done: 0, total: null },
        { type: 'measured', step, values: [{ name: 'swd', value: 20, protocol: { images, seed } }] },
      ];
    }
    case 'export':
      writeFileSync(command.path, 'a generator');
      return [
        { type: 'progress', phase: 'measuring batch statistics', done: 64, total: 1024 },
        { type: 'exported', path: command.path, bytes: 11, difference: 1e-7 },
      ];
    case 'explore': {
      const image = { height: 8, width: 8, channels: 3 };
      const step = Number.parseInt(checkpoint.slice(-8), 10);
      return [{ type: 'exploring', step, latentDim: 4, image, directions: 4 }];
    }
    case 'draw':
    case 'animate':
      writeFileSync(command.file, 'a drawing');
      return [{ type: 'drawn', id: command.id, columns: 1, bytes: 9 }];
    case 'nearest':
      return [{ type: 'nearest', id: command.id, images: [{ index: 3, distance: 0.5 }] }];
    default:
      return [];
  }
}
