// Makes demo/sounds/*.wav from conversations.json with the speech synthesiser
// flite and with sox (Debian: flite, sox). Run it after changing a text:
//
//	node demo/make.mjs
//
// Each file is what a PBX that records both sides leaves behind: 8 kHz, G.711
// µ-law, stereo, the calling party on the left and the called one on the right.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const work = mkdtempSync(join(tmpdir(), "conversations-"));
const pause = 0.35; // seconds of silence between two turns

const seconds = (file) => Number(execFileSync("soxi", ["-D", file], { encoding: "utf8" }));

try {
  for (const talk of JSON.parse(readFileSync(join(here, "conversations.json"), "utf8"))) {
    const sides = { c: [], a: [] };
    let at = 0.3;
    talk.lines.forEach(([who, text], i) => {
      const voice = talk.voices[who === "c" ? 0 : 1];
      const file = join(work, `${talk.name}-${i}.wav`);
      execFileSync("flite", ["-voice", voice, "-t", text, "-o", file]);
      sides[who].push({ file, at });
      at += seconds(file) + pause;
    });
    const order = talk.direction === "outbound" ? ["a", "c"] : ["c", "a"];
    const tracks = order.map((who) => {
      const turns = sides[who];
      const track = join(work, `${talk.name}-${who}.wav`);
      const padded = turns.map(({ file, at: start }, i) => {
        const out = join(work, `${talk.name}-${who}-${i}.pad.wav`);
        execFileSync("sox", ["-D", file, "-r", "8000", "-b", "16", "-c", "1", out, "gain", "-3", "pad", String(start), "0"]);
        return out;
      });
      const mix = padded.length > 1 ? ["-m", ...padded.flatMap((f) => ["-v", "1", f])] : padded;
      execFileSync("sox", ["-D", ...mix, track, "pad", "0", String(at)]);
      return track;
    });
    const out = join(here, "sounds", `${talk.name}.wav`);
    execFileSync("sox", ["-D", "-M", ...tracks, "-e", "mu-law", "-b", "8", out, "trim", "0", String(at)]);
    console.log(`${talk.name}.wav  ${seconds(out).toFixed(1)} s`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
