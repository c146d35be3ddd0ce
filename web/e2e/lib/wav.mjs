import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './demo.mjs';

/** freshSound is a demo conversation that no archive has seen: the same words, some of its first samples changed. */
export function freshSound(name, seed) {
  const wav = Buffer.from(readFileSync(join(repository, 'demo/sounds', name)));
  const data = wav.indexOf('data') + 8;
  for (let i = 0; i < 32; i++) wav[data + i] = (seed * 31 + i * 7) & 0x7f;
  return wav;
}

/** drop puts a file into a watched folder in one step, as a telephone system that renames would. */
export function drop(folder, name, bytes) {
  const part = join(folder, `.${name}.part`);
  writeFileSync(part, bytes);
  renameSync(part, join(folder, name));
}

