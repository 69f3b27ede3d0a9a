import type { TrainedGenerator, Trial } from './trained-generator.ts';

/** A file format: how a generator is written in it, and how what was written is tried. */
export interface Format {
  kind: 'file' | 'folder';
  /** Latents to try it on. */
  trials: number;
  /** Largest difference of a pixel, on the scale -1..1, that is nothing but rounding. */
  tolerance: number;
  /** @param target path of the file, which is not there, or of the folder, which is there and empty */
  write(target: string, generator: TrainedGenerator, trial: Trial): Promise<void>;
  /** Reads what lies at `target`, runs it on the trial's latents, and returns the largest difference of a pixel to the trial's images. */
  difference(target: string, trial: Trial): Promise<number>;
}
