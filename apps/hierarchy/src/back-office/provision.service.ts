import { Injectable } from '@nestjs/common';
import { hierarchyRpc, type OperationsBy, type Provision, type ProvisionReply } from '@strowger/contracts-hierarchy';
import { AppError, type RpcContext, type RpcRequest } from '@strowger/kernel';
import { isRetryable } from '@strowger/persistence';
import { Answers } from '@strowger/rpc';
import { InterfaceUsersService } from '../accounts/interface-users/interface-users.service.js';
import { ContactCentreOperations } from './contact-centre.operations.js';
import { LicensingOperations } from './licensing.operations.js';
import type { Operations } from './operations.js';
import { PortalUsersOperations } from './portal-users.operations.js';
import { isProvision } from './provision.request.js';
import { StructureOperations } from './structure.operations.js';
import { TreeOperations } from './tree.operations.js';

type Here = OperationsBy<'hierarchy'>;
type Elsewhere = OperationsBy<'routing'>;
type Handler = (context: RpcContext, given: object) => Promise<object | void>;

/**
 * What is behind the SOAP door: verifies the login, finds what the call names, and hands over to the services REST uses.
 * Each call is one of their transactions. Requests are checked by `isProvision`: the gateway has bound and checked them,
 * and a back office sends thousands a second.
 */
@Injectable()
export class ProvisionService {
  private readonly handlers: Operations<Here>;

  constructor(
    private readonly interfaceUsers: InterfaceUsersService,
    private readonly contactCentre: ContactCentreOperations,
    structure: StructureOperations,
    tree: TreeOperations,
    licensing: LicensingOperations,
    portalUsers: PortalUsersOperations,
  ) {
    this.handlers = handlersOf<Here>(structure, tree, licensing, portalUsers);
  }

  @Answers(hierarchyRpc.provision, { check: isProvision })
  async call({ body }: RpcRequest<Provision>): Promise<ProvisionReply> {
    const { operation, parameters, ...login } = body;
    // Outside of any transaction: a lock on a failed login must outlive the refusal.
    const context = await this.interfaceUsers.authenticate({ ...login, address: login.address, operation });
    try {
      const handler = this.handlers[operation as Here] as Handler | undefined;
      if (handler) return { data: (await handler(context, parameters)) ?? undefined };
      const target = (this.contactCentre[operation as Elsewhere] as (...given: unknown[]) => Promise<object>).bind(
        this.contactCentre,
      );
      const ids = (await target(context, parameters)) as ProvisionTargetIds;
      // Routing has no tree: of the caller's providers it is given the one that the names led to.
      const scope = { ...context.scope, providerIds: [ids.systemProviderId] };
      return { target: { ...context, scope, ...ids } };
    } catch (error) {
      // After all repetitions.
      throw isRetryable(error) ? busy(error) : error;
    }
  }
}

type ProvisionTargetIds = Omit<NonNullable<ProvisionReply['target']>, 'scope' | 'actor'>;

/** The methods of all of them by name, each with its own `this`. */
function handlersOf<N extends Here>(...classes: object[]): Operations<N> {
  const handlers: Record<string, Handler> = {};
  for (const instance of classes)
    for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(instance)))
      if (/^[A-Z]/.test(name)) handlers[name] = (instance as Record<string, Handler>)[name]!.bind(instance);
  return handlers as Operations<N>;
}

const busy = (cause: unknown): AppError =>
  new AppError(
    'conflict',
    'conflict',
    'Others changed the same things at this moment. Nothing was done: repeat the call.',
    {},
    { cause },
  );
