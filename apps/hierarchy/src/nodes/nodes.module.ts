import { Module } from '@nestjs/common';
import { NodesService } from './nodes.service.js';
import { SettingsService } from './settings.service.js';

/** The tree as every feature may look at it: nodes by id within a scope, and the settings that apply at them. Reads only. */
@Module({
  providers: [NodesService, SettingsService],
  exports: [NodesService, SettingsService],
})
export class NodesModule {}
