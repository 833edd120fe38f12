/** Makes sure that PostgreSQL, Redis and NATS can be started: found here, by Docker, or installed with apt. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { findBinary, findServers } from './servers.mjs';
import { dockerAnswers } from './docker.mjs';
import { runLogged, SetupError } from './steps.mjs';

const PACKAGES = { postgres: 'postgresql', redis: 'redis-server', nats: 'nats-server' };
const UNITS = { postgres: 'postgresql', redis: 'redis-server', nats: 'nats-server' };

/**
 * Debian starts a service as soon as it is installed. Ours run in .local on ports of their own, so the system's are
 * kept from starting, now (policy-rc.d) and at boot (disable), and PostgreSQL makes no cluster.
 */
const installScript = (packages, units) => `
set -e
export DEBIAN_FRONTEND=noninteractive
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
  mkdir -p /etc/postgresql-common/createcluster.d
  echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.d/strowger.conf
fi
made_policy=
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  made_policy=yes
fi
trap '[ -z "$made_policy" ] || rm -f /usr/sbin/policy-rc.d' EXIT
apt-get update -q
apt-get install -y -q --no-install-recommends ${packages.join(' ')}
if command -v systemctl > /dev/null; then systemctl disable ${units.join(' ')} > /dev/null 2>&1 || true; fi
`;

/**
 * @param given which servers the environment names already, such as `{ postgres: true }`
 * @param notice told before packages are installed
 * @returns a word about where they come from
 */
export async function ensureServers(given = {}, notice = () => {}) {
  const lacking = () => Object.entries(findServers()).filter(([key, found]) => !given[key] && !found.usable);
  const missing = lacking();
  if (missing.length === 0) return Object.values(given).some(Boolean) ? 'some given by the environment' : 'found';
  const names = missing.map(
    ([, { title, need, version }]) => `${title} ≥ ${need}${version ? ` (here: ${version})` : ''}`,
  );
  if (dockerAnswers()) return `${names.join(', ')} by Docker`;
  const packages = missing.map(([key]) => PACKAGES[key]);
  const byHand =
    'Install them yourself, or name running ones: STROWGER_POSTGRES_URL, STROWGER_REDIS_URL, STROWGER_NATS_URL ' +
    '(for tests: STROWGER_TEST_…_URL).';
  if (!findBinary('apt-get')) throw new SetupError(`missing: ${names.join(', ')}`, byHand);
  const isRoot = process.getuid() === 0;
  if (!isRoot && !mayUseSudo()) {
    throw new SetupError(`missing: ${names.join(', ')}`, `As root: apt-get install ${packages.join(' ')}\n${byHand}`);
  }
  notice(`installing with apt-get: ${packages.join(', ')} … `);
  const script = installScript(
    packages,
    missing.map(([key]) => UNITS[key]),
  );
  const [command, ...args] = isRoot ? ['sh', '-c', script] : ['sudo', 'sh', '-c', script];
  await runLogged('apt-get', command, args, { advice: byHand });
  const still = lacking().map(([, { title, need, version }]) => `${title} ≥ ${need} (here: ${version ?? 'none'})`);
  if (still.length > 0) throw new SetupError(`too old on this system: ${still.join(', ')}`, byHand);
  return `installed ${packages.join(', ')}`;
}

/** sudo may ask for a password, but only where somebody can answer. */
function mayUseSudo() {
  if (!findBinary('sudo')) return false;
  if (spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0) return true;
  return (
    process.stdin.isTTY === true &&
    existsSync('/dev/tty') &&
    spawnSync('sudo', ['-v'], { stdio: 'inherit' }).status === 0
  );
}
