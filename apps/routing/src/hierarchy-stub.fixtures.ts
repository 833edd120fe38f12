import { Injectable, Module } from '@nestjs/common';
import { hierarchyRpc, type GroupView, type PortalUserView, type ResellerView } from '@strowger/contracts-hierarchy';
import { isWithin, newId, NotFound, type RpcRequest, type TenantScope } from '@strowger/kernel';
import { Answers } from '@strowger/rpc';

export interface SpecNode {
  systemProviderId: string;
  resellerId: string;
  groupId: string;
}

/** A hierarchy of a few nodes, in memory. */
export class Tree {
  readonly resellers = new Map<string, ResellerView>();
  readonly groups = new Map<string, GroupView>();
  readonly portalUsers = new Map<string, PortalUserView & SpecNode>();

  /** A group, of a new reseller unless one is given. */
  group(of: Partial<SpecNode> = {}): SpecNode {
    const node = { systemProviderId: newId(), resellerId: newId(), ...of, groupId: newId() };
    const { systemProviderId, resellerId, groupId } = node;
    this.resellers.set(resellerId, { id: resellerId, systemProviderId } as ResellerView);
    this.groups.set(groupId, { id: groupId, resellerId, systemProviderId } as GroupView);
    return node;
  }

  portalUser(node: SpecNode, level: PortalUserView['level'] = 'reseller'): PortalUserView {
    const id = newId();
    const nodeId = {
      platform: '',
      'system-provider': node.systemProviderId,
      reseller: node.resellerId,
      group: node.groupId,
    }[level];
    const user = { id, level, nodeId, name: 'Ada Agent', email: `${id}@acme.example`, version: 1 } as PortalUserView;
    this.portalUsers.set(id, { ...node, ...user });
    return user;
  }
}

@Injectable()
class HierarchyStub {
  constructor(private readonly tree: Tree) {}
  @Answers(hierarchyRpc.getReseller)
  async reseller({ scope, body }: RpcRequest<{ id: string }>): Promise<ResellerView> {
    const found = this.tree.resellers.get(body.id);
    if (!found || !isWithin(scope, { ...found, resellerId: found.id })) throw new NotFound('reseller', body.id);
    return found;
  }
  @Answers(hierarchyRpc.getGroup)
  async group({ scope, body }: RpcRequest<{ id: string }>): Promise<GroupView> {
    const found = this.tree.groups.get(body.id);
    if (!found || !isWithin(scope, { ...found, groupId: found.id })) throw new NotFound('group', body.id);
    return found;
  }
  @Answers(hierarchyRpc.getPortalUser)
  async portalUser({ scope, body }: RpcRequest<{ id: string }>): Promise<PortalUserView> {
    const found = this.tree.portalUsers.get(body.id);
    if (!found || !isWithin(scope, at(found))) throw new NotFound('portal-user', body.id);
    return found;
  }
}

const at = (user: PortalUserView & SpecNode) => ({
  systemProviderId: user.systemProviderId,
  resellerId: user.level === 'system-provider' ? null : user.resellerId,
  groupId: user.level === 'group' ? user.groupId : null,
});

export const scopesOf = (node: SpecNode): Record<'provider' | 'reseller' | 'group' | 'user', TenantScope> => {
  const { systemProviderId } = node;
  return {
    provider: { level: 'system-provider', id: systemProviderId, systemProviderId },
    reseller: { level: 'reseller', id: node.resellerId, systemProviderId },
    group: { level: 'group', id: node.groupId, systemProviderId },
    user: { level: 'user', id: newId(), systemProviderId },
  };
};

/** What routing asks hierarchy: who there is. */
export function hierarchyStub(tree: Tree) {
  @Module({ providers: [HierarchyStub, { provide: Tree, useValue: tree }] })
  class Stub {}
  return Stub;
}
