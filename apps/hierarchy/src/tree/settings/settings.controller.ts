import { Controller } from '@nestjs/common';
import {
  hierarchyRpc,
  type ChangeGroupSettings,
  type ChangeProviderSettings,
  type ChangeResellerSettings,
  type ChangeUserSettings,
  type GetSettings,
  type SettingsView,
} from '@strowger/contracts-hierarchy';
import { Answers } from '@strowger/http';
import type { RpcRequest } from '@strowger/kernel';
import { NodeSettingsService } from './node-settings.service.js';

@Controller()
export class SettingsController {
  constructor(private readonly settings: NodeSettingsService) {}

  @Answers(hierarchyRpc.getSettings)
  get(request: RpcRequest<GetSettings>): Promise<SettingsView> {
    return this.settings.get(request, request.body.level, request.body.id);
  }

  @Answers(hierarchyRpc.changeProviderSettings)
  ofProvider(request: RpcRequest<ChangeProviderSettings>): Promise<SettingsView> {
    return this.settings.ofProvider(request, request.body);
  }

  @Answers(hierarchyRpc.changeResellerSettings)
  ofReseller(request: RpcRequest<ChangeResellerSettings>): Promise<SettingsView> {
    return this.settings.ofReseller(request, request.body);
  }

  @Answers(hierarchyRpc.changeGroupSettings)
  ofGroup(request: RpcRequest<ChangeGroupSettings>): Promise<SettingsView> {
    return this.settings.ofGroup(request, request.body);
  }

  @Answers(hierarchyRpc.changeUserSettings)
  ofUser(request: RpcRequest<ChangeUserSettings>): Promise<SettingsView> {
    return this.settings.ofUser(request, request.body);
  }
}
