/** One trainer process that holds a generator ready, and what it was asked. */
import type { OnProgress } from '../../src-shared/progress.ts';
import { AppError, fromErrorData } from '../../src-shared/errors.ts';
import type { ExploreRequest, TrainerEvent } from '../../src-shared/trainer-protocol.ts';
import { type AskOptions, tellProgress } from './ask-trainer.ts';
import type { Trainer, TrainerHost } from './trainer-host.ts';

type Event<Type extends TrainerEvent['type']> = Extract<TrainerEvent, { type: Type }>;
type Answer = Event<'drawn' | 'nearest'>;

interface Waiting {
  resolve: (answer: Answer) => void;
  reject: (error: AppError) => void;
  onProgress: (event: Event<'progress'>) => void;
}

export class ExplorerProcess {
  readonly #trainer: Trainer;
  readonly #opening = Promise.withResolvers<Event<'exploring'>>();
  readonly #waiting = new Map<number, Waiting>();
  readonly #onEnd: () => void;
  readonly #tellOpening: Waiting['onProgress'];
  #ended: AppError | null = null;
  #next = 0;

  /**
   * @param checkpoint its folder
   * @param onProgress hears how far opening it is
   * @param onEnd called once, when it has ended of itself or by {@link end}
   */
  constructor(host: TrainerHost, checkpoint: string, onProgress: OnProgress, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#tellOpening = tellProgress(onProgress);
    this.#trainer = host.start({
      onEvent: (event) => this.#hear(event),
      onExit: (how) =>
        this.end(
          new AppError(
            'explore.ended',
            `The process that held the generator ended: ${how}. Open the generator again.`,
          ),
        ),
    });
    // The processor, whatever trains: images for the eye take it milliseconds, and TensorFlow would take all of a card's memory.
    this.#trainer.send({ type: 'explore', checkpoint, engine: 'onnx' });
  }

  /** What it holds. @throws AppError what the trainer says, `explore.ended`, and what {@link end} was given */
  get opened(): Promise<Event<'exploring'>> {
    return this.#opening.promise;
  }

  /** Whether nobody waits for it. */
  get idle(): boolean {
    return this.#waiting.size === 0;
  }

  /**
   * @param request with the id that it is given
   * @throws AppError what the trainer says, `cancelled`, `explore.ended`, and what {@link end} was given
   */
  async ask<Type extends Answer['type']>(
    request: (id: number) => ExploreRequest,
    type: Type,
    { onProgress, signal }: AskOptions,
  ): Promise<Event<Type>> {
    if (this.#ended !== null) throw this.#ended;
    if (signal?.aborted === true) throw new AppError('cancelled', 'This was cancelled before it began.');
    const id = this.#next;
    this.#next += 1;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.set(id, { resolve, reject, onProgress: tellProgress(onProgress) });
    const cancel = () => this.#trainer.send({ type: 'cancel', id });
    signal?.addEventListener('abort', cancel);
    try {
      this.#trainer.send(request(id));
      const answer = await promise;
      if (answer.type !== type) throw new Error(`The trainer answered ${answer.type} to ${type}.`);
      return answer as Event<Type>;
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#waiting.delete(id);
    }
  }

  /** Ends the process at once. @param why what everybody is told who waits for it, or asks it later */
  end(why: AppError): void {
    if (this.#ended !== null) return;
    this.#ended = why;
    this.#trainer.kill();
    this.#opening.reject(why);
    for (const { reject } of this.#waiting.values()) reject(why);
    this.#onEnd();
  }

  #hear(event: TrainerEvent): void {
    switch (event.type) {
      case 'exploring':
        this.#opening.resolve(event);
        return;
      case 'progress':
        if (event.id === undefined) this.#tellOpening(event);
        else this.#waiting.get(event.id)?.onProgress(event);
        return;
      case 'drawn':
      case 'nearest':
        this.#waiting.get(event.id)?.resolve(event);
        return;
      case 'failed':
        // What belongs to no request leaves it in no state to go on: it could not open, or was not understood.
        if (event.id === undefined) this.end(fromErrorData(event.error));
        else this.#waiting.get(event.id)?.reject(fromErrorData(event.error));
        return;
      default:
    }
  }
}
