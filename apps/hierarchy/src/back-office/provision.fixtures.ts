import {
  hierarchyRpc as h,
  type AnswerOf,
  type OperationName,
  type ParametersOf,
  type Provision,
  type ProvisionReply,
  type SystemProviderView,
} from '@strowger/contracts-hierarchy';
import type { AppError } from '@strowger/kernel';
import { PASSWORD, refusal, type World } from '../hierarchy.fixtures.js';

const ADDRESS = '198.51.100.7';

/** A system provider with a host name and an interface user, called as the gateway calls for it. */
export async function backOffice(world: World, parent?: SystemProviderView) {
  const name = `provider-${world.newId()}`;
  const host = `${name}.example`;
  const provider = await world.call(h.createSystemProvider, {
    name,
    key: name,
    serverHostNames: [host],
    ...(parent && { parentId: parent.id }),
  });
  const userName = `iface-${provider.id}`;
  const interfaceUser = await world.call(h.createInterfaceUser, {
    systemProviderId: provider.id,
    userName,
    email: 'backoffice@acme.example',
    password: PASSWORD,
    addresses: [{ address: ADDRESS }],
  });

  const send = <N extends OperationName>(
    operation: N,
    parameters: ParametersOf<N>,
    more: Partial<Provision> = {},
  ): Promise<ProvisionReply> =>
    world.call(h.provision, {
      operation,
      parameters,
      userName,
      password: PASSWORD,
      address: ADDRESS,
      binding: 'SOAP11',
      requestId: 'spec-request',
      ...more,
    });
  return {
    provider,
    host,
    interfaceUser,
    send,
    /** The answer's fields. */
    call: async <N extends OperationName>(operation: N, parameters: ParametersOf<N>) =>
      (await send(operation, parameters)).data as AnswerOf<N>,
    /** Code in the spelling of the wire, and message. */
    refused: async <N extends OperationName>(operation: N, parameters: ParametersOf<N>, more?: Partial<Provision>) => {
      const error: AppError = await refusal(send(operation, parameters, more));
      return { code: error.code.toUpperCase().replaceAll('-', '_'), message: error.message };
    },
    /** Everything but the user id. */
    path: { serverHostName: host, resellerId: 'acme', groupId: 'hq' },
    reseller: { serverHostName: host, resellerId: 'acme' },
    user: { serverHostName: host, resellerId: 'acme', groupId: 'hq', broadworksUserId: 'chris@acme.example' },
  };
}
export type BackOffice = Awaited<ReturnType<typeof backOffice>>;
