import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type ApiKeyGrant,
  type ApiKeyView,
  type ApiKeyWithSecret,
  type AuthenticateApiKey,
  type ById,
  type CreateApiKey,
  type ListUnder,
  type RotateApiKey,
  type UpdateApiKey,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { Page, RpcRequest } from '@strowger/kernel';
import { ApiKeysService } from './api-keys.service.js';

@Controller()
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  @Answers(hierarchyRpc.createApiKey)
  create(request: RpcRequest<CreateApiKey>): Promise<ApiKeyWithSecret> {
    return this.keys.create(request, request.body);
  }

  @Answers(hierarchyRpc.updateApiKey)
  update(request: RpcRequest<UpdateApiKey>): Promise<ApiKeyView> {
    return this.keys.update(request, request.body);
  }

  @Answers(hierarchyRpc.rotateApiKey)
  rotate(request: RpcRequest<RotateApiKey>): Promise<ApiKeyWithSecret> {
    return this.keys.rotate(request, request.body);
  }

  @Answers(hierarchyRpc.revokeApiKey)
  async revoke(request: RpcRequest<ById>): Promise<null> {
    await this.keys.revoke(request, request.body.id);
    return null;
  }

  @Answers(hierarchyRpc.getApiKey)
  get(request: RpcRequest<ById>): Promise<ApiKeyView> {
    return this.keys.get(request, request.body.id);
  }

  @Answers(hierarchyRpc.listApiKeys)
  list(request: RpcRequest<ListUnder>): Promise<Page<ApiKeyView>> {
    return this.keys.list(request, request.body);
  }

  /** Whoever calls has no scope yet, so none is looked at. */
  @Answers(hierarchyRpc.authenticateApiKey)
  authenticate(request: RpcRequest<AuthenticateApiKey>): Promise<ApiKeyGrant> {
    return this.keys.authenticate(request.actor, request.body);
  }
}
