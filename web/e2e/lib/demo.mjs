// Starts `ringfence demo` in a folder of its own and stops it again.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const repository = resolve(fileURLToPath(import.meta.url), '../../../..');

/** binary is the program that the scenarios are about. */
export const binary = () => process.env.RINGFENCE_BIN ?? join(repository, 'bin/ringfence');

/** startDemo answers what the demo printed, and `stop`. It fails with what the server said, not with a time-out alone. */
export async function startDemo(...flags) {
  const program = binary();
  if (!existsSync(program)) throw new Error(`${program} is not there: run "make build" first`);
  const data = mkdtempSync(join(tmpdir(), 'ringfence-e2e-'));
  const child = spawn(program, ['demo', '--data', data, '--listen', '127.0.0.1:0', '--json', ...flags], { cwd: data, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk) => (said = (said + chunk).slice(-8000)));
  const ended = new Promise((done) => child.once('exit', (code, signal) => done(signal ?? code)));
  const stop = async () => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
    const how = await ended;
    clearTimeout(late);
    rmSync(data, { recursive: true, force: true });
    return { how, said };
  };
  const line = new Promise((found) => createInterface({ input: child.stdout }).once('line', found));
  let patience; // cleared: what is left of the minute would keep the process from ending
  const late = new Promise((done) => (patience = setTimeout(done, 60_000)));
  const out = await Promise.race([line, ended.then(() => null), late]);
  clearTimeout(patience);
  if (typeof out !== 'string') {
    await stop();
    throw new Error(`the demo ${out === null ? 'ended before it was ready' : 'was not ready within a minute'}:\n${said}`);
  }
  return { ...JSON.parse(out), stop, said: () => said };
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** until asks again and again until the answer is good; `what` says what was waited for. */
export async function until(what, ask, ms = 10_000, step = 100) {
  const end = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited ${ms / 1000} s for ${what}`);
    await pause(step);
  }
}
