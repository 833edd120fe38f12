import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { SYSTEM_ACTOR } from '@strowger/kernel';
import { logger } from '@strowger/telemetry';
import { HierarchyConfig } from '../../config.js';
import { PortalUsersService } from './portal-users.service.js';

const log = logger('hierarchy');

/** How the first operator comes to be: from the environment, once, while nobody is at platform level. */
@Injectable()
export class BootstrapOperator implements OnApplicationBootstrap {
  constructor(
    private readonly config: HierarchyConfig,
    private readonly portalUsers: PortalUsersService,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { operatorEmail, operatorPassword } = this.config;
    if (!operatorEmail || !operatorPassword) return;
    if (await this.portalUsers.addFirstOperator(SYSTEM_ACTOR, operatorEmail, operatorPassword))
      log.info('operator-created');
  }
}
