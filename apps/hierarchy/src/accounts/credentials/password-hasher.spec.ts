import { HierarchyConfig } from '../../config.js';
import { PasswordHasher } from './password-hasher.js';

const hasher = new PasswordHasher(new (class extends HierarchyConfig {})());
const PASSWORD = 'correct horse battery';

it('hashes with argon2id as OWASP recommends, unless configured otherwise', async () => {
  const hash = await hasher.hash(PASSWORD);
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,(t=2,p=1|p=1,t=2)\$/);
  expect(await hasher.verify(hash, PASSWORD)).toBe(true);
  expect(await hasher.verify(hash, `${PASSWORD} `)).toBe(false);
  expect(hasher.isOutdated(hash)).toBe(false);
});

it('knows nobody, and does the same work to say so', async () => {
  const hash = await hasher.hash(PASSWORD);
  expect(await hasher.verify(undefined, PASSWORD)).toBe(false);
  const fastest = async (of: string | undefined): Promise<number> => {
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      await hasher.verify(of, 'wrong wrong wrong');
      times.push(performance.now() - start);
    }
    return Math.min(...times);
  };
  const [known, unknown] = [await fastest(hash), await fastest(undefined)];
  // Without the stand-in it would be hundreds of times faster; the bound leaves room for a busy machine.
  expect(unknown).toBeGreaterThan(known / 4);
});

it('leaves the event loop free', async () => {
  let turns = 0;
  let working = true;
  const spin = (): void => {
    turns++;
    if (working) setImmediate(spin);
  };
  setImmediate(spin);
  await hasher.hash(PASSWORD);
  working = false;
  expect(turns).toBeGreaterThan(10);
});
