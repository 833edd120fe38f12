// A process of its own that runs the sample saga from the TypeScript sources and hangs in one step until it is killed.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';

registerHooks({
  resolve: (specifier, context, next) => {
    try {
      return next(specifier, context);
    } catch (error) {
      if (!specifier.startsWith('.') || !specifier.endsWith('.js')) throw error;
      return next(specifier.replace(/\.js$/, '.ts'), context);
    }
  },
  load: (url, context, next) => {
    if (!url.endsWith('.ts')) return next(url, context);
    const filename = fileURLToPath(url);
    const { code } = transformSync(readFileSync(filename, 'utf8'), { filename, module: { type: 'es6' } });
    return { format: 'module', source: code, shortCircuit: true };
  },
});

const [databaseUrl, id, step, when] = process.argv.slice(2);
await import('reflect-metadata');
const { begin, FixtureDb, runnerFor } = await import('./saga.fixtures.ts');
const db = await FixtureDb.connect(databaseUrl);
const runner = runnerFor(db, { leaseSeconds: 1 });
const hang = () => {
  process.stdout.write('reached\n');
  return new Promise(() => setInterval(() => undefined, 1000));
};
runner.intercept = async (point, call) => {
  if (point.step === step && point.phase === 'run' && when === 'before') await hang();
  const result = await call();
  if (point.step === step && point.phase === 'run' && when === 'after') await hang();
  return result;
};
await runner.open();
await begin(db, runner, id);
