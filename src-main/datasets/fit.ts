import { FastResizeFilter, ResizeFit, Transformer } from '@napi-rs/image';
import type { ImageSettings } from '../../src-shared/dataset.ts';

/** Interleaved 8-bit sRGB: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA (not premultiplied). */
export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
  channels: number;
}

/** Which part of the source is used, and which part of the target it fills, in pixels. */
interface Placement {
  left: number;
  top: number;
  width: number;
  height: number;
  targetLeft: number;
  targetTop: number;
  targetWidth: number;
  targetHeight: number;
}

/** Crop uses the centre of the source, pad the centre of the target, stretch all of both. */
export function place(width: number, height: number, target: ImageSettings): Placement {
  const { fit } = target;
  const all = { left: 0, top: 0, width, height };
  const whole = { targetLeft: 0, targetTop: 0, targetWidth: target.width, targetHeight: target.height };
  if (fit === 'crop') {
    const used = {
      width: Math.max(1, Math.min(width, Math.round((height * target.width) / target.height))),
      height: Math.max(1, Math.min(height, Math.round((width * target.height) / target.width))),
    };
    return { ...whole, ...used, left: (width - used.width) >> 1, top: (height - used.height) >> 1 };
  }
  if (fit === 'pad') {
    const scale = Math.min(target.width / width, target.height / height);
    const targetWidth = Math.max(1, Math.min(target.width, Math.round(width * scale)));
    const targetHeight = Math.max(1, Math.min(target.height, Math.round(height * scale)));
    const targetLeft = (target.width - targetWidth) >> 1;
    const targetTop = (target.height - targetHeight) >> 1;
    return { ...all, targetLeft, targetTop, targetWidth, targetHeight };
  }
  return { ...all, ...whole };
}

export const keepsAlpha = (settings: ImageSettings): boolean =>
  settings.channels === 2 || settings.channels === 4;

/**
 * Colour of the borders that `pad` adds: what lies under the image. An opaque image gets black; one with transparency
 * white, because that is what it is composited on; none (transparent black) when the target keeps alpha.
 */
export const borderValue = (hasAlpha: boolean, settings: ImageSettings): number =>
  hasAlpha && !keepsAlpha(settings) ? 255 : 0;

/**
 * Crops, pads or stretches `source` to the target's size (Lanczos-3; what is transparent lends no colour) and converts it to the
 * target's channels: transparency is composited on white when the target has no alpha, grey is Rec. 601 luma.
 * Writes height x width x channels bytes to `out`.
 */
export function fitPixels(source: Pixels, settings: ImageSettings, out: Uint8Array): void {
  const placement = place(source.width, source.height, settings);
  const fills = placement.targetWidth === settings.width && placement.targetHeight === settings.height;
  if (!fills) {
    const hasAlpha = source.channels === 2 || source.channels === 4;
    out.fill(borderValue(hasAlpha, settings));
  }
  const sameSize = placement.width === placement.targetWidth && placement.height === placement.targetHeight;
  if (sameSize) {
    writeChannels(source, placement.left, placement.top, placement, settings, out);
    return;
  }
  const rgba = toRgba(source, placement, keepsAlpha(settings));
  const { targetWidth, targetHeight } = placement;
  const resized = Transformer.fromRgbaPixels(rgba, placement.width, placement.height)
    .fastResize({
      width: targetWidth,
      height: targetHeight,
      filter: FastResizeFilter.Lanczos3,
      fit: ResizeFit.Fill,
    })
    .rawPixelsSync();
  const pixels = { data: resized, width: targetWidth, height: targetHeight, channels: 4 };
  writeChannels(pixels, 0, 0, placement, settings, out);
}

/** The used part of the source as RGBA; composited on white and opaque unless alpha is kept. */
function toRgba(source: Pixels, part: Placement, keepAlpha: boolean): Uint8Array {
  const { data, channels } = source;
  const rgba = new Uint8Array(part.width * part.height * 4);
  const isGrey = channels < 3;
  const hasAlpha = channels === 2 || channels === 4;
  let to = 0;
  for (let y = 0; y < part.height; y++) {
    let from = ((part.top + y) * source.width + part.left) * channels;
    for (let x = 0; x < part.width; x++, from += channels, to += 4) {
      const r = data[from]!;
      const g = isGrey ? r : data[from + 1]!;
      const b = isGrey ? r : data[from + 2]!;
      const a = hasAlpha ? data[from + channels - 1]! : 255;
      const under = keepAlpha ? 0 : 255 - a;
      const share = keepAlpha ? 1 : a / 255;
      rgba[to] = a === 255 ? r : Math.round(r * share) + under;
      rgba[to + 1] = a === 255 ? g : Math.round(g * share) + under;
      rgba[to + 2] = a === 255 ? b : Math.round(b * share) + under;
      rgba[to + 3] = keepAlpha ? a : 255;
    }
  }
  return rgba;
}

/** Copies a block of the placement's target size out of `source` into `out`, converting the channels. */
function writeChannels(
  source: Pixels,
  left: number,
  top: number,
  placement: Placement,
  settings: ImageSettings,
  out: Uint8Array,
): void {
  const { data, channels } = source;
  const toChannels = settings.channels;
  const isGrey = channels < 3;
  const hasAlpha = channels === 2 || channels === 4;
  const keepAlpha = keepsAlpha(settings);
  const toGrey = toChannels < 3;
  if (channels === toChannels && data.length === out.length) {
    out.set(data);
    return;
  }
  for (let y = 0; y < placement.targetHeight; y++) {
    let from = ((top + y) * source.width + left) * channels;
    let to = ((placement.targetTop + y) * settings.width + placement.targetLeft) * toChannels;
    if (channels === toChannels) {
      const end = from + placement.targetWidth * channels;
      out.set(data.subarray(from, end), to);
      continue;
    }
    for (let x = 0; x < placement.targetWidth; x++, from += channels, to += toChannels) {
      let r = data[from]!;
      let g = isGrey ? r : data[from + 1]!;
      let b = isGrey ? r : data[from + 2]!;
      const a = hasAlpha ? data[from + channels - 1]! : 255;
      if (!keepAlpha && a !== 255) {
        r = Math.round((r * a) / 255) + 255 - a;
        g = Math.round((g * a) / 255) + 255 - a;
        b = Math.round((b * a) / 255) + 255 - a;
      }
      if (toGrey) {
        out[to] = (r * 19595 + g * 38470 + b * 7471 + 32768) >> 16;
      } else {
        out[to] = r;
        out[to + 1] = g;
        out[to + 2] = b;
      }
      if (keepAlpha) out[to + toChannels - 1] = a;
    }
  }
}
