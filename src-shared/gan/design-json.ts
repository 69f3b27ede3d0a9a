/** A design as a file: versioned JSON. */
import * as v from 'valibot';
import { AppError } from '../errors.ts';
import { Design } from './block.ts';
import { designFault } from './design-fault.ts';

const format = 'ganvas-design';
const version = 1;

const Header = v.looseObject({
  format: v.literal(format),
  version: v.pipe(v.number(), v.integer(), v.minValue(1)),
});
const DesignFile = v.strictObject({
  format: v.literal(format),
  version: v.literal(version),
  ...Design.entries,
});

/** The design as a JSON text that a person can read and edit. */
export function formatDesign(design: Design): string {
  return `${JSON.stringify({ format, version, ...design }, null, 2)}\n`;
}

/**
 * Reads what {@link formatDesign} wrote. Whether the blocks fit each other is `check`'s business.
 * @throws AppError `design.not-json`, `design.not-a-design`, `design.newer`, `design.invalid` (with the place)
 */
export function parseDesign(text: string): Design {
  let data: unknown;
  try {
    // Some editors put a byte order mark in front.
    data = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new AppError(
      'design.not-json',
      `This is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const header = v.safeParse(Header, data);
  if (!header.success) {
    throw new AppError(
      'design.not-a-design',
      `This is JSON, but not a Ganvas design: it must be an object with "format": "${format}" and "version": ${version}.`,
    );
  }
  if (header.output.version > version) {
    throw new AppError(
      'design.newer',
      `This design was saved by a newer Ganvas (format ${header.output.version}, this one reads up to ${version}). Update Ganvas to open it.`,
    );
  }
  const result = v.safeParse(DesignFile, data);
  if (!result.success) {
    const { place, message } = designFault(result.issues);
    throw new AppError('design.invalid', message, { place });
  }
  return {
    name: result.output.name,
    latentDim: result.output.latentDim,
    discriminator: result.output.discriminator,
  };
}
