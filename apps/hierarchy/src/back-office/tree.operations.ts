import { Injectable } from '@nestjs/common';
import {
  inWordsOf,
  CreateGroup,
  CreateReseller,
  CreateUser,
  EnsurePath,
  UpdateGroup,
  UpdateReseller,
  UpdateUser,
  type AnswerOf,
  type ParametersOf,
} from '@strowger/contracts-hierarchy';
import type { RpcContext } from '@strowger/kernel';
import { Db, sql } from '@strowger/persistence';
import { GroupsService } from '../tree/groups/groups.service.js';
import { Deletions } from '../tree/deletions.js';
import { PathsService } from '../tree/paths/paths.service.js';
import { ResellersService } from '../tree/resellers/resellers.service.js';
import { UsersService } from '../tree/users/users.service.js';
import { NaturalKeysService } from '../tree/natural-keys.service.js';
import { requestOf, type Operations } from './operations.js';

type Mine =
  | 'AddReseller'
  | 'GetResellers'
  | 'GetReseller'
  | 'UpdateReseller'
  | 'DeleteReseller'
  | 'AddGroup'
  | 'GetGroups'
  | 'GetGroup'
  | 'UpdateGroup'
  | 'DeleteGroup'
  | 'AddUserWithHierarchy'
  | 'AddUser'
  | 'GetUsers'
  | 'GetUser'
  | 'UpdateUser'
  | 'DeleteUser';

const PAGE_SIZE = 100;

/** Resellers, groups and users, as the SOAP API names them. */
@Injectable()
export class TreeOperations implements Operations<Mine> {
  constructor(
    private readonly db: Db,
    private readonly keys: NaturalKeysService,
    private readonly resellers: ResellersService,
    private readonly groups: GroupsService,
    private readonly users: UsersService,
    private readonly paths: PathsService,
    private readonly deletions: Deletions,
  ) {}

  async AddReseller(context: RpcContext, given: ParametersOf<'AddReseller'>): Promise<void> {
    const { resellerId: key, resellerName: name, isEnterprise } = given;
    const systemProviderId = await this.keys.provider(context, given);
    const kind = isEnterprise ? 'enterprise' : 'service-provider';
    const names = { key: 'resellerId', name: 'resellerName' };
    const body = requestOf(CreateReseller, { systemProviderId, key, name, kind }, names);
    await this.resellers.create({ ...context, body });
  }

  async GetResellers(context: RpcContext, given: ParametersOf<'GetResellers'>): Promise<AnswerOf<'GetResellers'>> {
    const id = await this.keys.provider(context, given);
    const rows = await this.db.query(sql<{ key: string; name: string; kind: string }>`
      select key, name, kind from reseller where system_provider_id = ${id} and ended_at is null order by key`);
    return { resellers: rows.map(resellerOf) };
  }

  async GetReseller(context: RpcContext, given: ParametersOf<'GetReseller'>): Promise<AnswerOf<'GetReseller'>> {
    const { resellerId } = await this.keys.reseller(context, given);
    return { reseller: resellerOf(await this.resellers.get({ ...context, body: { id: resellerId } })) };
  }

  async UpdateReseller(context: RpcContext, given: ParametersOf<'UpdateReseller'>): Promise<void> {
    const { newResellerName: name, newResellerId } = given;
    const { resellerId: id } = await this.keys.reseller(context, given);
    const names = { key: 'newResellerId', name: 'newResellerName' };
    const request = requestOf(UpdateReseller, { id, name, ...(newResellerId && { key: newResellerId }) }, names);
    await this.resellers.update({ ...context, body: request });
  }

  async DeleteReseller(context: RpcContext, given: ParametersOf<'DeleteReseller'>): Promise<void> {
    const { resellerId } = await this.keys.reseller(context, given);
    await this.deletions.deleteReseller({ ...context, body: { id: resellerId } });
  }

  async AddGroup(context: RpcContext, given: ParametersOf<'AddGroup'>): Promise<void> {
    const { groupId: key, groupName: name } = given;
    const { resellerId } = await this.keys.reseller(context, given);
    const names = { key: 'groupId', name: 'groupName' };
    const body = requestOf(CreateGroup, { resellerId, key, name }, names);
    await this.groups.create({ ...context, body });
  }

  async GetGroups(context: RpcContext, given: ParametersOf<'GetGroups'>): Promise<AnswerOf<'GetGroups'>> {
    const { resellerId } = await this.keys.reseller(context, given);
    const rows = await this.db.query(sql<{ key: string; name: string }>`
      select key, name from reseller_group where reseller_id = ${resellerId} and ended_at is null order by key`);
    return {
      groups: rows.map(({ key, name }) => ({ resellerId: given.resellerId, groupId: key, groupName: name })),
    };
  }

  async GetGroup(context: RpcContext, given: ParametersOf<'GetGroup'>): Promise<AnswerOf<'GetGroup'>> {
    const { groupId } = await this.keys.group(context, given);
    const { key, name } = await this.groups.get({ ...context, body: { id: groupId } });
    return { group: { resellerId: given.resellerId, groupId: key, groupName: name } };
  }

  async UpdateGroup(context: RpcContext, given: ParametersOf<'UpdateGroup'>): Promise<void> {
    const { newGroupName: name, newGroupId } = given;
    const { groupId: id } = await this.keys.group(context, given);
    const names = { key: 'newGroupId', name: 'newGroupName' };
    const request = requestOf(UpdateGroup, { id, name, ...(newGroupId && { key: newGroupId }) }, names);
    await this.groups.update({ ...context, body: request });
  }

  async DeleteGroup(context: RpcContext, given: ParametersOf<'DeleteGroup'>): Promise<void> {
    const { groupId } = await this.keys.group(context, given);
    await this.deletions.deleteGroup({ ...context, body: { id: groupId } });
  }

  async AddUserWithHierarchy(context: RpcContext, given: ParametersOf<'AddUserWithHierarchy'>): Promise<void> {
    const { resellerId, resellerName, groupId, groupName, broadworksUserId, userName } = given;
    const systemProviderId = await this.keys.provider(context, given);
    const names = {
      'reseller.key': 'resellerId',
      'reseller.name': 'resellerName',
      'group.key': 'groupId',
      'group.name': 'groupName',
      'user.name': 'userName',
    };
    const request = requestOf(
      EnsurePath,
      {
        systemProviderId,
        reseller: { key: resellerId, ...(resellerName && { name: resellerName }) },
        group: { key: groupId, ...(groupName && { name: groupName }) },
        user: { broadworksUserId, ...(userName && { name: userName }) },
      },
      names,
    );
    await inWordsOf(names, this.paths.ensure({ ...context, body: request }));
  }

  async AddUser(context: RpcContext, given: ParametersOf<'AddUser'>): Promise<void> {
    const { broadworksUserId, userName: name } = given;
    const { groupId } = await this.keys.group(context, given);
    const names = { name: 'userName' };
    const request = requestOf(CreateUser, { groupId, broadworksUserId, name }, names);
    await inWordsOf(names, this.users.create({ ...context, body: request }));
  }

  async GetUsers(context: RpcContext, given: ParametersOf<'GetUsers'>): Promise<AnswerOf<'GetUsers'>> {
    const { resellerId, groupId } = given;
    const pageNumber = Number(given.pageNumber || 1);
    const pageSize = Number(given.pageSize || PAGE_SIZE);
    const ids = await this.keys.group(context, given);
    const rows = await this.db.query(sql<{ id: string; name: string }>`
      select broadworks_user_id as id, name from app_user where group_id = ${ids.groupId} and ended_at is null
      order by name, id limit ${pageSize + 1} offset ${(pageNumber - 1) * pageSize}`);
    const users = rows
      .slice(0, pageSize)
      .map(({ id, name }) => ({ resellerId, groupId, broadworksUserId: id, userName: name }));
    return { users, pageNumber, pageSize, hasMore: rows.length > pageSize };
  }

  async GetUser(context: RpcContext, given: ParametersOf<'GetUser'>): Promise<AnswerOf<'GetUser'>> {
    const { resellerId, groupId } = given;
    const { userId } = await this.keys.user(context, given);
    const { broadworksUserId, name } = await this.users.get({ ...context, body: { id: userId } });
    return { user: { resellerId, groupId, broadworksUserId, userName: name } };
  }

  async UpdateUser(context: RpcContext, given: ParametersOf<'UpdateUser'>): Promise<void> {
    const { newUserName: name, newBroadworksUserId, newGroupId } = given;
    const { userId: id } = await this.keys.user(context, given);
    const target = newGroupId && (await this.keys.group(context, { ...given, groupId: newGroupId })).groupId;
    const names = { name: 'newUserName', broadworksUserId: 'newBroadworksUserId', groupId: 'newGroupId' };
    const request = requestOf(
      UpdateUser,
      {
        id,
        name,
        ...(newBroadworksUserId && { broadworksUserId: newBroadworksUserId }),
        ...(target && { groupId: target }),
      },
      names,
    );
    await inWordsOf(names, this.users.update({ ...context, body: request }));
  }

  async DeleteUser(context: RpcContext, given: ParametersOf<'DeleteUser'>): Promise<void> {
    const { userId } = await this.keys.user(context, given);
    await this.deletions.deleteUser({ ...context, body: { id: userId } });
  }
}

const resellerOf = ({ key, name, kind }: { key: string; name: string; kind: string }) => ({
  resellerId: key,
  resellerName: name,
  isEnterprise: kind === 'enterprise',
});
