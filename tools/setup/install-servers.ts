/** Makes sure that PostgreSQL, Redis and NATS can be started: found here, in containers, or installed with apt. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { engineAnswers } from './containers.ts';
import { findBinary } from './processes.mjs';
import { type FoundServer, findServers, type ServerKind } from './servers.ts';
import { runLogged, SetupError } from './steps.mjs';

/** Debian's packages; the units they bring are called the same. */
const PACKAGES: Record<ServerKind, string> = { postgres: 'postgresql', redis: 'redis-server', nats: 'nats-server' };

/**
 * Debian starts a service as soon as it is installed. Ours run in .local on ports of their own, so the system's are
 * kept from starting, now (policy-rc.d) and at boot (disable), and PostgreSQL makes no cluster.
 */
const installScript = (packages: string[]): string => `
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
if command -v systemctl > /dev/null; then systemctl disable ${packages.join(' ')} > /dev/null 2>&1 || true; fi
`;

const wanted = ({ title, need }: FoundServer): string => `${title} ≥ ${need}`;

/**
 * @param given the addresses of servers that the environment names already
 * @param notice is called before packages are installed
 * @returns a word about where they come from
 */
export async function ensureServers(
  given: Partial<Record<ServerKind, string | undefined>> = {},
  notice: (text: string) => void = () => {},
): Promise<string> {
  const lacking = (): FoundServer[] => findServers().filter(({ kind, usable }) => !given[kind] && !usable);
  const missing = lacking();
  if (missing.length === 0) return Object.values(given).some(Boolean) ? 'some given by the environment' : 'found';
  const names = missing
    .map((server) => `${wanted(server)}${server.version ? ` (here: ${server.version})` : ''}`)
    .join(', ');
  if (engineAnswers()) return `${names} in containers`;
  const packages = missing.map(({ kind }) => PACKAGES[kind]);
  const byHand =
    'Install them yourself, or name running ones: STROWGER_POSTGRES_URL, STROWGER_REDIS_URL, STROWGER_NATS_URL ' +
    '(for tests: STROWGER_TEST_…_URL).';
  if (!findBinary('apt-get')) throw new SetupError(`missing: ${names}`, byHand);
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !mayUseSudo()) {
    throw new SetupError(`missing: ${names}`, `As root: apt-get install ${packages.join(' ')}\n${byHand}`);
  }
  notice(`installing with apt-get: ${packages.join(', ')} … `);
  const asRoot = ['sh', '-c', installScript(packages)];
  await runLogged('apt-get', isRoot ? 'env' : 'sudo', asRoot, { advice: byHand });
  const still = lacking().map((server) => `${wanted(server)} (here: ${server.version ?? 'none'})`);
  if (still.length > 0) throw new SetupError(`too old on this system: ${still.join(', ')}`, byHand);
  return `installed ${packages.join(', ')}`;
}

/** sudo may ask for a password, but only where somebody can answer. */
function mayUseSudo(): boolean {
  if (!findBinary('sudo')) return false;
  if (spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0) return true;
  return (
    process.stdin.isTTY === true &&
    existsSync('/dev/tty') &&
    spawnSync('sudo', ['-v'], { stdio: 'inherit' }).status === 0
  );
}
