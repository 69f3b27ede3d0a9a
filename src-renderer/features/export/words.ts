/** What the formats of exports are for, and how sure it is that they do what they should. */
import type { Export } from '../../../src-shared/library.ts';
import type { ExportFormat } from '../../../src-shared/trainer-protocol.ts';

export const formats: readonly { format: ExportFormat; name: string; about: string }[] = [
  {
    format: 'onnx',
    name: 'ONNX',
    about: 'One file that runs nearly everywhere: in Python, C++, C#, Java or Rust, on phones, in browsers.',
  },
  {
    format: 'tfjs',
    name: 'TensorFlow.js',
    about: 'A folder for a web page: visitors draw new images in their own browser, without a server.',
  },
  {
    format: 'safetensors',
    name: 'PyTorch code and safetensors',
    about:
      'The weights, with the PyTorch code that reads them: to look inside, to change it, to train further.',
  },
  {
    format: 'png',
    name: 'PNG picture',
    about: 'A grid of 64 generated images, to look at and to show. It holds no network.',
  },
];

export function formatName(format: ExportFormat): string {
  return formats.find((known) => known.format === format)?.name ?? format;
}

const bound = new Intl.NumberFormat('en', { maximumSignificantDigits: 1, roundingMode: 'ceil' });

/** A small number in full, with one digit that counts: `0.0000004`. Rounded up, so that it stays a bound. */
export const boundWords = (value: number): string => bound.format(value);

/** What the trial after writing has shown, in short. */
export const triedWords = ({ difference }: Pick<Export, 'difference'>): string =>
  difference === null ? 'it could not be tried' : 'it draws the same images as here';

/** What the trial after writing has shown. */
export function verifiedWords({ difference, format }: Pick<Export, 'difference' | 'format'>): string {
  if (difference === null) return 'it was not tried';
  if (difference === 0) return 'exactly the same images as the trainer';
  const within = `to within ${boundWords(difference)}`;
  return format === 'png'
    ? `the trainer's images ${within}, which is the rounding to 256 levels`
    : `the same images as the trainer ${within}, where black is -1 and white is 1`;
}
