// `npm run e2e -- keyboard` runs the steps whose name holds the word, or fits the pattern (`'quota|suspended'`), and those that the others need.
const only = process.argv[2] && new RegExp(process.argv[2]);

/** steps runs one after the other what is given to it, and tells how each went. Where one fails, those that need no part of it still run. */
export function steps() {
  const failed = [];
  const began = Date.now();
  const step = async (name, run) => {
    if (only && !only.test(name) && !/sign(s)? in\b|stops/.test(name)) return;
    const start = Date.now();
    try {
      await run();
      console.log(`  ok    ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed.push(name);
      console.log(`  FAIL  ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)\n${String(error.stack ?? error).replace(/^/gm, '        ')}`);
    }
  };
  const done = () => {
    const time = `${((Date.now() - began) / 1000).toFixed(0)} s`;
    console.log(failed.length === 0 ? `browser tests passed in ${time}` : `browser tests: ${failed.length} failed in ${time}: ${failed.join('; ')}`);
    process.exitCode = failed.length === 0 ? 0 : 1;
  };
  return { step, done };
}
