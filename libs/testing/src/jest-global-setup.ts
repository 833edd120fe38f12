/** Starts the run's servers when a selected spec can want them, so that pure unit runs don't pay for them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '@jest/types';
import { publishTestServers, startTestServers, type TestServers } from '../../../tools/setup/test-servers.ts';

declare global {
  /** For the tear-down. */
  var strowgerTestServers: TestServers | undefined;
}

function* specsBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'dist') continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* specsBelow(path);
    else if (entry.name.endsWith('.spec.ts')) yield path;
  }
}

function wantsServers(path: string): boolean {
  return /\.(int|e2e)\.spec\.ts$/.test(path) || readFileSync(path, 'utf8').includes('@strowger/testing');
}

function isSelected(globalConfig: Config.GlobalConfig, projectConfig: Config.ProjectConfig): (path: string) => boolean {
  const ignored = projectConfig.testPathIgnorePatterns.map((pattern) => new RegExp(pattern));
  const patterns = globalConfig.testPathPatterns;
  const executor = patterns?.toExecutor({ rootDir: globalConfig.rootDir });
  return (path) => {
    if (ignored.some((pattern) => pattern.test(path))) return false;
    return globalConfig.runTestsByPath || !patterns?.isSet() || executor.isMatch(path);
  };
}

export default async function setUp(
  globalConfig: Config.GlobalConfig,
  projectConfig: Config.ProjectConfig,
): Promise<void> {
  const selected = isSelected(globalConfig, projectConfig);
  const specs = ['apps', 'libs', 'tools'].flatMap((name) => [...specsBelow(join(globalConfig.rootDir, name))]);
  if (!specs.some((path) => selected(path) && wantsServers(path))) return;
  const servers = await startTestServers();
  publishTestServers(servers);
  globalThis.strowgerTestServers = servers;
}
