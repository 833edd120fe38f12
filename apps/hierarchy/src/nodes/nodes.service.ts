import { Injectable } from '@nestjs/common';
import { isId, NotFound, type TenantScope } from '@strowger/kernel';
import { GroupsService } from '../tree/groups/groups.service.js';
import { ResellersService } from '../tree/resellers/resellers.service.js';
import { SystemProvidersService } from '../tree/system-providers/system-providers.service.js';

/** A node above users, with the nodes above it. */
export interface TreeNode {
  level: 'system-provider' | 'reseller' | 'group';
  id: string;
  systemProviderId: string;
  resellerId?: string;
  groupId?: string;
}

/** The column that holds a node's id in rows below it. */
export const columnOf = (node: TreeNode) =>
  ({ 'system-provider': 'systemProviderId', reseller: 'resellerId', group: 'groupId' })[node.level];

/** Finds a node of any level by its id alone. */
@Injectable()
export class NodesService {
  constructor(
    private readonly providers: SystemProvidersService,
    private readonly resellers: ResellersService,
    private readonly groups: GroupsService,
  ) {}

  /** Throws NotFound when the scope holds no such node; at `level` only, if given. */
  async get(scope: TenantScope, id: string, level?: TreeNode['level']): Promise<TreeNode> {
    const node = isId(id.toLowerCase()) ? await this.find(scope, id, level) : undefined;
    if (!node) throw new NotFound(level ?? 'node', id);
    return node;
  }

  private async find(scope: TenantScope, id: string, level?: TreeNode['level']): Promise<TreeNode | undefined> {
    const at = (wanted: TreeNode['level']): boolean => level === undefined || level === wanted;
    const group = at('group') && (await this.groups.find(scope, id));
    if (group) {
      const { systemProviderId, resellerId } = group;
      return { level: 'group', id: group.id, systemProviderId, resellerId, groupId: group.id };
    }
    const reseller = at('reseller') && (await this.resellers.find(scope, id));
    if (reseller) {
      const { systemProviderId } = reseller;
      return { level: 'reseller', id: reseller.id, systemProviderId, resellerId: reseller.id };
    }
    const provider = at('system-provider') && (await this.providers.find(scope, id));
    return provider ? { level: 'system-provider', id: provider.id, systemProviderId: provider.id } : undefined;
  }
}
