import { Injectable } from '@nestjs/common';
import {
  AddServerHostName,
  CreateSystemProvider,
  UpdateSystemProvider,
  type AnswerOf,
  type ParametersOf,
} from '@strowger/contracts-hierarchy';
import type { RpcContext } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { NodeSettingsService } from '../tree/settings/node-settings.service.js';
import { Deletions } from '../tree/deletions.js';
import { SystemProvidersService } from '../tree/system-providers/system-providers.service.js';
import { NaturalKeysService } from '../tree/natural-keys.service.js';
import { requestOf, type Operations } from './operations.js';

type Mine =
  | 'AddSystemProvider'
  | 'GetSystemProviders'
  | 'UpdateSystemProvider'
  | 'DeleteSystemProvider'
  | 'AddServerHostName'
  | 'DeleteServerHostName'
  | 'Ping';

/** System providers and their host names, as the SOAP API names them. */
@Injectable()
export class StructureOperations implements Operations<Mine> {
  constructor(
    private readonly db: Db,
    private readonly keys: NaturalKeysService,
    private readonly providers: SystemProvidersService,
    private readonly deletions: Deletions,
    private readonly settings: NodeSettingsService,
  ) {}

  async Ping(): Promise<void> {
    await Promise.resolve();
  }

  async AddSystemProvider(context: RpcContext, given: ParametersOf<'AddSystemProvider'>): Promise<void> {
    const { newSystemProviderServerHostName, newSystemProviderId, newSystemProviderName } = given;
    const request = requestOf(
      CreateSystemProvider,
      {
        parentId: context.scope.id,
        key: newSystemProviderId,
        name: newSystemProviderName?.trim() ? newSystemProviderName : newSystemProviderId,
        serverHostNames: [newSystemProviderServerHostName],
      },
      {
        key: 'newSystemProviderId',
        name: 'newSystemProviderName',
        serverHostNames: 'newSystemProviderServerHostName',
      },
    );
    await this.providers.create({ ...context, body: request });
  }

  async GetSystemProviders({ scope }: RpcContext): Promise<AnswerOf<'GetSystemProviders'>> {
    const systemProviders = await this.db.query(sql<AnswerOf<'GetSystemProviders'>['systemProviders'][number]>`
      select coalesce(p.key, p.id::text) as "systemProviderId", p.name as "systemProviderName",
        case when p.id <> ${scope.id} then (select coalesce(above.key, above.id::text) from system_provider above
          where above.id = p.parent_id) end as "parentSystemProviderId",
        array(select host_name from server_host_name h where h.system_provider_id = p.id and h.ended_at is null
          order by h.id) as "serverHostNames"
      from system_provider p where p.path @> array[${scope.id}::uuid] and p.ended_at is null
      order by cardinality(p.path), p.name, p.id`);
    return { systemProviders };
  }

  async UpdateSystemProvider(context: RpcContext, given: ParametersOf<'UpdateSystemProvider'>): Promise<void> {
    const { newSystemProviderName: name, trialDurationDays, useTrialLicensesUntilExpiration } = given;
    const id = await this.keys.provider(context, given);
    const settings = {
      ...(trialDurationDays !== undefined && {
        trialDurationDays: trialDurationDays ? Number(trialDurationDays) : null,
      }),
      ...(useTrialLicensesUntilExpiration !== undefined && {
        useTrialLicensesUntilExpiration: useTrialLicensesUntilExpiration
          ? ['true', '1'].includes(useTrialLicensesUntilExpiration)
          : null,
      }),
    };
    const names = { name: 'newSystemProviderName' };
    // A provider always has a name, so an empty one is refused like any that doesn't fit.
    const request = name === undefined ? undefined : requestOf(UpdateSystemProvider, { id, name }, names);
    await this.db.transactional(async () => {
      if (request) await this.providers.update({ ...context, body: request });
      if (Object.keys(settings).length > 0) await this.settings.ofProvider({ ...context, body: { id, ...settings } });
    });
  }

  async DeleteSystemProvider(context: RpcContext, given: ParametersOf<'DeleteSystemProvider'>): Promise<void> {
    const id = await this.keys.provider(context, given);
    await this.deletions.deleteSystemProvider({ ...context, body: { id } });
  }

  async AddServerHostName(context: RpcContext, given: ParametersOf<'AddServerHostName'>): Promise<void> {
    const id = await this.keys.provider(context, given);
    const names = { hostName: 'newServerHostName' };
    const body = requestOf(AddServerHostName, { id, hostName: given.newServerHostName }, names);
    await this.providers.addHostName({ ...context, body });
  }

  async DeleteServerHostName(context: RpcContext, given: ParametersOf<'DeleteServerHostName'>): Promise<void> {
    const id = await this.keys.provider(context, given);
    await this.providers.removeHostName({ ...context, body: { id, hostName: given.serverHostNameToDelete } });
  }
}
