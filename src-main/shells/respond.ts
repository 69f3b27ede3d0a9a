/** What every address answers, the same in every shell: the page, pictures, files to save, uploads. */
import { Readable } from 'node:stream';
import {
  MaxFileSizeExceededError,
  MaxPartsExceededError,
  MaxTotalSizeExceededError,
  MultipartParseError,
  parseMultipartRequest,
} from '@remix-run/multipart-parser';
import { batchLimits } from '../../src-shared/api.ts';
import { AppError } from '../../src-shared/errors.ts';
import type { Content, Files } from '../core/files.ts';
import { answer, answerError } from './answer.ts';
import { sendPage } from './page.ts';
import type { Sending } from './send.ts';
import { sendContent } from './send.ts';

/** Answers a request; never rejects. Who may ask is decided before. */
export type Respond = (request: Request) => Promise<Response>;

export interface RespondOptions {
  /** Folder of the built page. */
  page: string;
  files: Files;
}

export function createRespond({ page, files }: RespondOptions): Respond {
  return async (request) => {
    try {
      const segments = segmentsOf(request);
      switch (segments[0]) {
        case 'files':
          return await reading(request, () => sendPicture(files, segments.slice(1), request));
        case 'uploads':
          return await receive(files, segments.slice(1), request);
        default:
          return await reading(request, () => sendPage(page, segments, request));
      }
    } catch (error) {
      return answerError(error);
    }
  };
}

const missing = () => new AppError('file.missing', 'There is nothing at this address.');

/** @throws AppError `request.bad-address` */
function segmentsOf(request: Request): string[] {
  const { pathname } = new URL(request.url);
  try {
    const segments = pathname.split('/').slice(1).map(decodeURIComponent);
    return segments.length === 1 && segments[0] === '' ? [] : segments;
  } catch (error) {
    throw new AppError('request.bad-address', 'The address cannot be read.', {}, { cause: error });
  }
}

function otherMethod(allowed: string): Response {
  const error = new AppError('request.method', `This address takes ${allowed} only.`);
  return answerError(error, 405, { allow: allowed });
}

function reading(request: Request, send: () => Promise<Response>): Promise<Response> | Response {
  return request.method === 'GET' || request.method === 'HEAD' ? send() : otherMethod('GET, HEAD');
}

/** A part of an address that must be an id. @throws AppError `file.missing` */
function id(segment: string | undefined): string {
  if (segment !== undefined && /^[A-Za-z0-9_-]{1,128}$/.test(segment)) return segment;
  throw missing();
}

/** A part of an address that must be a number, before an ending. @throws AppError `file.missing` */
function number(segment: string | undefined, ending = ''): number {
  if (segment?.endsWith(ending)) {
    const digits = segment.slice(0, segment.length - ending.length);
    const value = Number(digits);
    if (/^\d+$/.test(digits) && Number.isSafeInteger(value)) return value;
  }
  throw missing();
}

/** The addresses of `pictures` in src-shared/api.ts. */
async function sendPicture(files: Files, segments: readonly string[], request: Request): Promise<Response> {
  const [kind, first, second, third] = segments;
  const send = async (content: Promise<Content>, caching: Sending['caching']) =>
    sendContent(await content, caching === undefined ? { request } : { request, caching });
  switch (`${kind}/${segments.length}`) {
    case 'runs/4':
      if (second !== 'samples') throw missing();
      // A run that went back and on with another engine draws other images at the same step.
      return send(files.sample(id(first), number(third, '.png')), 'asked');
    case 'datasets/3':
      if (second === 'left-out.jsonl')
        return sendContent(await files.leftOut(id(first)), { request, saveAs: second });
      return send(files.image(id(first), number(second, '.png')), 'forever');
    case 'previews/3':
      return send(files.preview(id(first), number(second, '.png')), 'forever');
    case 'explored/3': {
      if (second === undefined || !/^[\w-]{1,128}(\.\w{1,8})?$/.test(second)) throw missing();
      return send(files.explored(id(first), second), 'forever');
    }
    case 'exports/2': {
      const { content, name } = await files.export(number(first));
      return sendContent(content, { request, saveAs: name });
    }
    default:
      throw missing();
  }
}

/** The addresses of `uploads` in src-shared/api.ts. */
async function receive(files: Files, segments: readonly string[], request: Request): Promise<Response> {
  const [upload, kind, ...path] = segments;
  if (kind === 'file' && path.length > 0) {
    if (request.method !== 'PUT') return otherMethod('PUT');
    await files.receive(id(upload), uploadPath(path), bodyOf(request));
    return answer(204);
  }
  if (kind === 'batch' && path.length === 0) {
    if (request.method !== 'POST') return otherMethod('POST');
    await receiveBatch(files, id(upload), request);
    return answer(204);
  }
  throw missing();
}

/** @throws AppError `upload.bad-path` */
function uploadPath(segments: readonly string[]): string {
  const plain = (segment: string) =>
    segment !== '' && segment !== '.' && segment !== '..' && !/[/\\\0]/.test(segment);
  if (segments.every(plain)) return segments.join('/');
  throw new AppError('upload.bad-path', `"${segments.join('/')}" is not the path of a file inside a folder.`);
}

function bodyOf(request: Request): ReadableStream<Uint8Array> {
  return request.body ?? new Blob([]).stream();
}

const badForm = (cause?: Error) =>
  new AppError('upload.bad-form', 'The batch is not form data with files.', {}, { cause });

const tooMuch = [MaxFileSizeExceededError, MaxPartsExceededError, MaxTotalSizeExceededError];
const tooLarge = () =>
  new AppError(
    'upload.too-large',
    `A batch takes at most ${batchLimits.files} files of ${batchLimits.bytes} bytes together.`,
    { ...batchLimits },
  );

/**
 * Takes the files of a form one after the other, each as soon as it is there.
 * @throws AppError `upload.bad-form`, `upload.too-large`, and what `Files.receive` throws: the files before it are there then
 */
async function receiveBatch(files: Files, upload: string, request: Request): Promise<void> {
  const limits = {
    maxParts: batchLimits.files,
    maxFileSize: batchLimits.bytes,
    maxTotalSize: batchLimits.bytes,
  };
  try {
    for await (const { name, isFile, bytes } of parseMultipartRequest(request, limits)) {
      if (name === undefined || !isFile) throw badForm();
      await files.receive(upload, uploadPath(name.split('/')), Readable.from([bytes]));
    }
  } catch (error) {
    if (tooMuch.some((kind) => error instanceof kind)) throw tooLarge();
    if (error instanceof MultipartParseError) throw badForm(error);
    throw error;
  }
}
