/** Specs of the whole system take minutes, so they begin first: at the end one of them would leave the other cores idle. */
import { createRequire } from 'node:module';
import type { Test } from '@jest/test-result';

// By require: what its ES module exports is not what its types say.
const { default: Sequencer }: typeof import('@jest/test-sequencer') = createRequire(import.meta.url)(
  '@jest/test-sequencer',
);

const isLong = ({ path }: Test): number => (path.endsWith('.e2e.spec.ts') ? 1 : 0);

export default class WholeSystemsFirst extends Sequencer {
  override async sort(tests: Test[]): Promise<Test[]> {
    return [...(await super.sort(tests))].sort((a, b) => isLong(b) - isLong(a));
  }
}
