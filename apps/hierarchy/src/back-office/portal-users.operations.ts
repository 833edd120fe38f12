import { Injectable } from '@nestjs/common';
import {
  inWordsOf,
  CreatePortalUser,
  UpdatePortalUser,
  type AnswerOf,
  type ParametersOf,
  type PortalRole,
} from '@strowger/contracts-hierarchy';
import { AppError, NotFound, type RpcContext } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { PortalUsersService } from '../accounts/portal-users/portal-users.service.js';
import { NaturalKeysService, type NaturalKeys } from '../tree/natural-keys.service.js';
import { requestOf, type Operations } from './operations.js';
import { emailKeyOf } from '../accounts/portal-users/email-key.js';

type Mine = 'AddPortalUser' | 'GetPortalUsers' | 'UpdatePortalUser' | 'DeletePortalUser';

/** The node a portal user belongs to. */
export interface PortalUserLevel {
  level: 'system-provider' | 'reseller' | 'group';
  nodeId: string;
  systemProviderId: string;
  /** Of the reseller, at its level or below. */
  kind?: 'enterprise' | 'service-provider';
}

interface Found {
  id: string;
  portalUserName: string;
  emailAddress: string;
  timezone: string | null;
  role: PortalRole;
  locked: boolean;
  lastSuccessfulLogin: string | null;
}

const COLUMN = { 'system-provider': 'system_provider_id', reseller: 'reseller_id', group: 'group_id' } as const;
const QUIET = { technicalEmails: false, alerts: false, invoicesAndReceipts: false, licenseExpiryAlerts: false };
const NAMES = {
  email: 'newUserEmailAddress',
  name: 'newUserName',
  userName: 'newUserName',
  password: 'newUserPassword',
  timezone: 'newUserTimezone',
};

/** Portal users, as the SOAP API names them: by user name, or e-mail address where they have none. */
@Injectable()
export class PortalUsersOperations implements Operations<Mine> {
  constructor(
    private readonly db: Db,
    private readonly keys: NaturalKeysService,
    private readonly portalUsers: PortalUsersService,
  ) {}

  /** The agent flag is ignored at a system provider and at a reseller that is no enterprise (guide 002). */
  async AddPortalUser(context: RpcContext, given: ParametersOf<'AddPortalUser'>): Promise<void> {
    const { serverHostName, resellerId, newUserGroupId: groupId, newUserName, newUserIsAgent } = given;
    const at = await this.levelOf(context, { serverHostName, resellerId, groupId });
    const mayBeAgent = at.level === 'group' || (at.level === 'reseller' && at.kind === 'enterprise');
    // The password is checked, as the operation is documented, and not kept: the person chooses one.
    const { password: _, ...request } = requestOf(
      CreatePortalUser,
      {
        level: at.level,
        nodeId: at.nodeId,
        email: given.newUserEmailAddress,
        name: newUserName,
        userName: newUserName,
        password: given.newUserPassword,
        ...(given.newUserTimezone && { timezone: given.newUserTimezone }),
        role: newUserIsAgent && mayBeAgent ? 'agent' : 'administrator',
        notifications: QUIET,
      },
      NAMES,
    );
    await inWordsOf(NAMES, this.portalUsers.invite({ ...context, body: request }));
  }

  async GetPortalUsers(
    context: RpcContext,
    given: ParametersOf<'GetPortalUsers'>,
  ): Promise<AnswerOf<'GetPortalUsers'>> {
    const rows = await this.at(await this.levelOf(context, given));
    return {
      portalUsers: rows.map(({ portalUserName, emailAddress, timezone, role, locked, lastSuccessfulLogin }) => ({
        portalUserName,
        emailAddress,
        resellerId: given.resellerId,
        groupId: given.groupId,
        timezone,
        isAgent: role === 'agent',
        isLocked: locked,
        lastSuccessfulLogin: lastSuccessfulLogin && new Date(lastSuccessfulLogin).toISOString(),
      })),
    };
  }

  async UpdatePortalUser(context: RpcContext, given: ParametersOf<'UpdatePortalUser'>): Promise<void> {
    const { newPortalUserName, newUserEmailAddress, newUserPassword, newUserTimezone, newIsAgent } = given;
    const at = await this.levelOf(context, given);
    const { id, role } = await this.named(at, given.portalUserName);
    const becomes = newIsAgent ? roleAfter(role, ['true', '1'].includes(newIsAgent)) : role;
    const names = { ...NAMES, userName: 'newPortalUserName' };
    const request = requestOf(
      UpdatePortalUser,
      {
        id,
        ...(newPortalUserName && { userName: newPortalUserName }),
        ...(newUserEmailAddress && { email: newUserEmailAddress }),
        ...(newUserPassword && { password: newUserPassword }),
        ...(newUserTimezone && { timezone: newUserTimezone }),
        ...(becomes !== role && { role: becomes }),
      },
      names,
    );
    // Empty: the time zone of the system provider counts again.
    if (newUserTimezone === '') Object.assign(request, { timezone: null });
    await inWordsOf(names, this.portalUsers.update({ ...context, body: request }));
  }

  async DeletePortalUser(context: RpcContext, given: ParametersOf<'DeletePortalUser'>): Promise<void> {
    const { id } = await this.named(await this.levelOf(context, given), given.portalUserName);
    await this.portalUsers.delete({ ...context, body: { id } });
  }

  /** @throws NotFound when no portal user of exactly this node has the name */
  async named(at: PortalUserLevel, name: string): Promise<{ id: string; role: PortalRole }> {
    const key = emailKeyOf(name);
    const [found] = await this.db.query(sql<{ id: string; role: PortalRole }>`
      select id, role from portal_user where ${atNode(at)} and (user_name_key = ${key} or email_key = ${key})
      order by user_name_key is not distinct from ${key} desc limit 1`);
    if (!found) throw new NotFound('portal-user', name);
    return found;
  }

  /** All of exactly this node. */
  at(level: PortalUserLevel): Promise<Found[]> {
    return this.db.query(sql<Found>`
      select id, coalesce(user_name, email) as "portalUserName", email as "emailAddress", timezone, role,
        locked_at is not null as locked, last_successful_login_at as "lastSuccessfulLogin"
      from portal_user where ${atNode(level)} order by name, id`);
  }

  /** The group when one is named, else the reseller, else the system provider. */
  private async levelOf(context: RpcContext, names: NaturalKeys): Promise<PortalUserLevel> {
    const { serverHostName, resellerId, groupId } = names;
    if (!resellerId) {
      if (groupId)
        throw new AppError(
          'invalid',
          'parameter-missing',
          'The parameter resellerId is mandatory where a group is named.',
        );
      const nodeId = await this.keys.provider(context, { serverHostName });
      return { level: 'system-provider', nodeId, systemProviderId: nodeId };
    }
    const found = await this.keys.resellerOrGroup(context, { serverHostName, resellerId, groupId });
    const { systemProviderId, kind } = found;
    return found.groupId
      ? { level: 'group', nodeId: found.groupId, systemProviderId, kind }
      : { level: 'reseller', nodeId: found.resellerId, systemProviderId, kind };
  }
}

const atNode = ({ level, nodeId, systemProviderId }: PortalUserLevel) =>
  sql`system_provider_id = ${systemProviderId} and level = ${level} and ${sql.ref(COLUMN[level])} = ${nodeId} and ended_at is null`;

/** Someone who is not an agent any more becomes an administrator; read-only stays read-only. */
const roleAfter = (role: PortalRole, isAgent: boolean): PortalRole =>
  isAgent ? 'agent' : role === 'agent' ? 'administrator' : role;
