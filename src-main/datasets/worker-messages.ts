import type { ImageSettings, LeftOut } from '../../src-shared/dataset.ts';
import type { ErrorData } from '../../src-shared/errors.ts';
import type { FileList } from './file-list.ts';
import type { IdxImages } from './idx.ts';
import type { Limits } from './limits.ts';
import type { ScannedFiles } from './scan-folder.ts';
import type { Turns } from './turns.ts';
import type { ScannedZip, ZipPlaces } from './zip.ts';

/** Where a decode worker finds image number `i`. */
export type ImageSource =
  | { kind: 'folder'; root: string; files: FileList }
  | { kind: 'zip'; path: string; files: FileList; places: ZipPlaces }
  | { kind: 'idx'; images: IdxImages }
  | { kind: 'sample'; size: number; seed: number };

/** What a worker is asked. One answer comes for each, in their order. */
export type WorkerRequest =
  | {
      kind: 'scan-folder';
      root: string;
      only: readonly string[] | null;
      exclude: string;
      limits: Limits;
      overflow?: string;
    }
  | { kind: 'scan-zip'; path: string; limits: Limits; overflow?: string }
  /** See `surveyFiles`. */
  | { kind: 'survey'; root: string; files: FileList; first: number; end: number }
  /** Sets what the `decode` and `digest` requests that follow are about. */
  | { kind: 'use'; source: ImageSource; settings: ImageSettings; limits: Limits; turns: Turns }
  /** Images `first` up to, not including, `end`. */
  | { kind: 'decode'; first: number; end: number }
  /** Lets go of what `use` named; its files are closed. */
  | { kind: 'rest' }
  /** Only reads the files of a folder, `first` up to, not including, `end`. */
  | { kind: 'digest'; first: number; end: number };

/** Some images, decoded and fitted. Only those that could be used, one after the other. */
export interface DecodedImages {
  pixels: Uint8Array<ArrayBuffer>;
  /** 1 for each image of the request that is in `pixels`. */
  used: Uint8Array<ArrayBuffer>;
  /** Original width and height of each used image. */
  sizes: Uint32Array<ArrayBuffer>;
  leftOut: LeftOut[];
  leftOutCount: number;
  /** Files that had vanished since they were listed. */
  vanished: number;
  /** SHA-256 of each file of a folder, also of those that are not used; empty for other sources. */
  digests: Uint8Array<ArrayBuffer>;
}

/** What each request is answered with. */
export interface WorkerAnswers {
  'scan-folder': ScannedFiles;
  'scan-zip': ScannedZip;
  survey: Uint8Array<ArrayBuffer>;
  use: null;
  rest: null;
  decode: DecodedImages;
  digest: Uint8Array<ArrayBuffer>;
}

export type WorkerMessage =
  | { type: 'answer'; answer: WorkerAnswers[keyof WorkerAnswers] }
  | { type: 'failed'; error: ErrorData }
  /** How many files a running scan has found. */
  | { type: 'found'; count: number };
