import { Injectable } from '@nestjs/common';
import { AppError, NotFound, type RpcContext } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { providerSeenBy } from '../nodes/scope-sql.js';
import { hostNameKeyOf, userKeyOf } from './keys.js';

/** How clients and back offices name things. */
export interface NaturalKeys {
  serverHostName: string;
  resellerId?: string;
  groupId?: string;
  broadworksUserId?: string;
}

interface Found {
  providerId: string | null;
  resellerId: string | null;
  resellerKind: 'enterprise' | 'service-provider' | null;
  groupId: string | null;
  userId: string | null;
}
export interface ResellerIds {
  systemProviderId: string;
  resellerId: string;
  kind: 'enterprise' | 'service-provider';
}
export type GroupIds = ResellerIds & { groupId: string };
export type UserIds = GroupIds & { userId: string };

/** The same for a host name nobody has and for one outside the caller's providers. */
export class HostNameUnknown extends AppError {
  constructor(hostName: string) {
    super('not-found', 'provider-not-found', `There is no system provider with the server host name '${hostName}'.`);
  }
}

/**
 * Ids of what a call names, in one look, from the provider down: host names and user ids compare without case, the ids
 * of resellers and groups exactly. Nothing outside the caller's providers is found.
 */
@Injectable()
export class NaturalKeysService {
  constructor(private readonly db: Db) {}

  async provider(context: RpcContext, keys: NaturalKeys): Promise<string> {
    return providerOf(await this.find(context, { serverHostName: keys.serverHostName }), keys);
  }

  async reseller(context: RpcContext, keys: NaturalKeys & { resellerId: string }): Promise<ResellerIds> {
    const { serverHostName, resellerId } = keys;
    return resellerOf(await this.find(context, { serverHostName, resellerId }), keys);
  }

  async group(context: RpcContext, keys: NaturalKeys & { resellerId: string; groupId: string }): Promise<GroupIds> {
    const { serverHostName, resellerId, groupId } = keys;
    return groupOf(await this.find(context, { serverHostName, resellerId, groupId }), keys);
  }

  async user(context: RpcContext, keys: Required<NaturalKeys>): Promise<UserIds> {
    return userOf(await this.find(context, keys), keys);
  }

  /** The group when it is named, else the reseller. */
  async resellerOrGroup(
    context: RpcContext,
    keys: NaturalKeys & { resellerId: string },
  ): Promise<ResellerIds & { groupId?: string }> {
    const { resellerId, groupId } = keys;
    return groupId ? this.group(context, { ...keys, resellerId, groupId }) : this.reseller(context, keys);
  }

  private async find({ scope }: RpcContext, keys: NaturalKeys): Promise<Found> {
    const [found] = await this.db.query(sql<Found>`
      select p.id as "providerId", r.id as "resellerId", r.kind as "resellerKind", g.id as "groupId", u.id as "userId"
      from server_host_name h
      join system_provider p on p.id = h.system_provider_id and p.ended_at is null
        and ${providerSeenBy(scope, 'p')}
      left join reseller r on r.system_provider_id = p.id and r.key = ${keys.resellerId ?? null} and r.ended_at is null
      left join reseller_group g on g.reseller_id = r.id and g.key = ${keys.groupId ?? null} and g.ended_at is null
      left join app_user u on u.system_provider_id = p.id and u.group_id = g.id and u.ended_at is null
        and u.broadworks_user_key = ${keys.broadworksUserId === undefined ? null : userKeyOf(keys.broadworksUserId)}
      where h.host_name_key = ${hostNameKeyOf(keys.serverHostName)} and h.ended_at is null`);
    return found ?? { providerId: null, resellerId: null, resellerKind: null, groupId: null, userId: null };
  }
}

function providerOf({ providerId }: Found, { serverHostName }: NaturalKeys): string {
  if (!providerId) throw new HostNameUnknown(serverHostName);
  return providerId;
}

function resellerOf(found: Found, keys: NaturalKeys): ResellerIds {
  const systemProviderId = providerOf(found, keys);
  if (!found.resellerId) throw new NotFound('reseller', keys.resellerId ?? '');
  return { systemProviderId, resellerId: found.resellerId, kind: found.resellerKind! };
}

function groupOf(found: Found, keys: NaturalKeys): GroupIds {
  const above = resellerOf(found, keys);
  if (!found.groupId) throw new NotFound('group', keys.groupId ?? '');
  return { ...above, groupId: found.groupId };
}

function userOf(found: Found, keys: NaturalKeys): UserIds {
  const above = groupOf(found, keys);
  if (!found.userId) throw new NotFound('user', keys.broadworksUserId ?? '');
  return { ...above, userId: found.userId };
}
