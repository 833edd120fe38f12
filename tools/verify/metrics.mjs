/** `node tools/verify/metrics.mjs`: is what every service shows at /metrics what Prometheus reads? promtool decides. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run, VERIFY, withOwnStack } from './own-stack.mjs';

const PORT_BASE = 29_200;
const UNPACKED = join(VERIFY, 'prometheus');

/** promtool of the path; else of Debian's package, unpacked; else built by Go. */
function promtool() {
  const places = ['promtool', join(UNPACKED, 'usr/bin/promtool'), join(VERIFY, 'go/bin/promtool')];
  const found = places.find((path) => spawnSync(path, ['--version']).status === 0);
  if (found) return found;
  if (spawnSync('apt-get', ['--version']).status === 0) {
    run('apt-get', ['download', 'prometheus']);
    run('sh', ['-c', `dpkg -x prometheus_*.deb ${UNPACKED} && rm prometheus_*.deb`]);
    if (existsSync(places[1])) return places[1];
  }
  run('env', [
    `GOBIN=${join(VERIFY, 'go/bin')}`,
    'go',
    'install',
    'github.com/prometheus/prometheus/cmd/promtool@v0.55.1',
  ]);
  return places[2];
}

mkdirSync(VERIFY, { recursive: true });
const tool = promtool();
await withOwnStack(PORT_BASE, {}, async ({ stack }) => {
  const failed = [];
  for (const [name, port] of Object.entries(stack.ports).filter(([name]) => name.endsWith('Ops'))) {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    const text = await response.text();
    const { status, stdout, stderr } = spawnSync(tool, ['check', 'metrics'], { input: text, encoding: 'utf8' });
    const said = (stdout + stderr).trim();
    const families = text.split('\n').filter((line) => line.startsWith('# TYPE')).length;
    console.log(`${name}: ${response.headers.get('content-type')}, ${families} families${said ? `\n${said}` : ''}`);
    // 3 is a remark on style, such as a name without a unit.
    if (status !== 0 || families === 0) failed.push(name);
  }
  console.log(
    failed.length ? `\nNot clean: ${failed.join(', ')}` : '\nEvery service shows metrics that Prometheus reads.',
  );
  return failed.length ? 1 : 0;
});
