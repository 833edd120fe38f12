import { canonicalAddress, type NetworkList } from '@strowger/kernel';
import type { Rpc } from '@strowger/rpc';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ProviderTree } from '../auth/provider-tree.js';
import { Buckets } from '../rates/request-rates.js';
import type { SoapConfig } from '../soap.config.js';
import { Calls } from './calls.js';
import { Replies } from './replies.js';
import { settingsOf } from './settings.js';
import { SoapPlugin } from './soap.plugin.js';

/** Adds the provisioning SOAP API to the gateway, in a context of its own. */
export async function registerSoap(
  fastify: FastifyInstance,
  rpc: Rpc,
  config: Readonly<SoapConfig & { publicUrl: string; rpcTimeoutSeconds: number; corsOrigins: readonly string[] }>,
  trustedProxies: NetworkList,
  providers: ProviderTree,
): Promise<void> {
  const isTls = ({ protocol, socket, headers }: FastifyRequest): boolean =>
    protocol === 'https' ||
    (headers['x-forwarded-proto'] === 'https' && trustedProxies.has(canonicalAddress(socket.remoteAddress)));
  const settings = settingsOf(config);
  const { soapRatePerSecond: perSecond, soapRateBurst: burst } = config;
  const plugin = new SoapPlugin({
    settings,
    calls: new Calls(rpc, { ms: config.soapCallSeconds * 1000, slowMs: config.rpcTimeoutSeconds * 1000 }, () =>
      providers.forget(),
    ),
    replies: new Replies(settings.extendedResult),
    limit: perSecond > 0 ? new Buckets({ perSecond, burst }, () => performance.now()) : undefined,
    bodyLimitBytes: config.soapBodyLimitBytes,
    bodyMs: config.soapBodySeconds * 1000,
    mayCall: config.soapRequireTls ? isTls : () => true,
    corsElsewhere: config.corsOrigins.length > 0,
  });
  await fastify.register(async (soap) => plugin.register(soap));
}

/** The path is compared without case, as Windows does; what follows it is left alone. */
export function soapPathRewriter({ soapPath }: Pick<SoapConfig, 'soapPath'>): (url: string) => string {
  const lower = soapPath.toLowerCase();
  return (url) => {
    if (url.startsWith(soapPath) || url.length < soapPath.length) return url;
    const end = url[soapPath.length];
    if (end !== undefined && end !== '/' && end !== '?') return url;
    return url.slice(0, soapPath.length).toLowerCase() === lower ? soapPath + url.slice(soapPath.length) : url;
  };
}
