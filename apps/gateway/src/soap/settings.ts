import { NetworkList, parseNetwork } from '@strowger/kernel';
import type { OperationName } from '@strowger/contracts-hierarchy';
import type { SoapConfig } from '../soap.config.js';
import { OPERATIONS, type Operation } from './registry.js';

/** What the configuration means to this door, worked out once. */
export interface SoapSettings {
  path: string;
  /** Accepted ones; the first is the WSDL's. */
  namespaces: readonly string[];
  /** Operation and namespace by soapAction. */
  actions: ReadonlyMap<string, { operation: Operation; namespace: string }>;
  /** The service's address as clients know it, by the host a request was sent to. */
  publicUrlFor(host: string | undefined): URL;
  publicUrls: readonly URL[];
  form: boolean;
  extendedResult: boolean;
  /** Who may open the help page; undefined is everybody. */
  helpFor?: NetworkList;
}

/** Namespace and method with one slash between them. */
export const actionOf = (namespace: string, operation: OperationName): string =>
  `${namespace}${namespace.endsWith('/') ? '' : '/'}${operation}`;

export function settingsOf(config: SoapConfig & { publicUrl: string }): SoapSettings {
  const namespaces = [...new Set([config.soapNamespace, ...config.soapMoreNamespaces])];
  const actions = new Map<string, { operation: Operation; namespace: string }>();
  // From the last to the first, so that the first wins where two differ only in their slash.
  for (const namespace of namespaces.toReversed())
    for (const operation of OPERATIONS) actions.set(actionOf(namespace, operation.name), { operation, namespace });
  const given = config.soapPublicUrls.length > 0 ? config.soapPublicUrls : [config.publicUrl];
  const publicUrls = given.map((text) => {
    const url = new URL(text);
    if (config.soapPublicUrls.length === 0) url.pathname = url.pathname.replace(/\/$/, '') + config.soapPath;
    else if (url.pathname === '/') url.pathname = config.soapPath;
    return url;
  });
  const byHost = new Map(publicUrls.toReversed().map((url) => [url.host.toLowerCase(), url]));
  const networks = config.soapHelpAddresses.map((text) => parseNetwork(text, { ipv4: 0, ipv6: 0 }).network!);
  return {
    path: config.soapPath,
    namespaces,
    actions,
    publicUrls,
    publicUrlFor: (host) => byHost.get(host?.toLowerCase() ?? '') ?? publicUrls[0]!,
    form: config.soapForm,
    extendedResult: config.soapExtendedResult,
    ...(networks.length > 0 && { helpFor: new NetworkList(networks) }),
  };
}
