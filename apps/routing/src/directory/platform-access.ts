/** Opens platforms: credentials come sealed from provisioning and are kept in memory for a minute, or until they change. */
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { provisioningRpc, type PlatformAccessView } from '@strowger/contracts-provisioning';
import { Carriers, type OpenCarrier } from '@strowger/cpaas';
import { PLATFORM_SCOPE, SecretBox } from '@strowger/kernel';
import { Rpc } from '@strowger/rpc';
import { RoutingConfig } from '../config.js';

/** A platform with its credentials open, ready for requests. Held in memory only. */
export interface OpenPlatform extends OpenCarrier {
  /** As the carrier's deliveries name it, where they do. */
  account: string;
  /** Where receipts go; holds the endpoint's token. */
  receiptsUrl: string;
}

const FRESH_MS = 60_000;

@Injectable()
export class PlatformAccess implements OnApplicationShutdown {
  private readonly box: SecretBox;
  private readonly carriers: Carriers;
  private readonly open = new Map<string, { until: number; platform: Promise<OpenPlatform> }>();

  constructor(
    private readonly rpc: Rpc,
    config: RoutingConfig,
  ) {
    this.box = SecretBox.fromKeyring(config.secretKeys);
    this.carriers = new Carriers({ readMs: config.carrierTimeoutSeconds * 1000 }, this.box);
  }

  of(platformId: string): Promise<OpenPlatform> {
    const held = this.open.get(platformId);
    if (held && held.until > Date.now()) return held.platform;
    const platform = this.load(platformId);
    this.open.set(platformId, { until: Date.now() + FRESH_MS, platform });
    platform.catch(() => {
      if (this.open.get(platformId)?.platform === platform) this.open.delete(platformId);
    });
    return platform;
  }

  forget(platformId: string): void {
    this.open.delete(platformId);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.carriers.close();
  }

  private async load(platformId: string): Promise<OpenPlatform> {
    const view: PlatformAccessView = await this.rpc.call(provisioningRpc.getPlatformAccess, {
      scope: PLATFORM_SCOPE,
      actor: { kind: 'system', id: 'routing', name: 'routing' },
      body: { id: platformId },
    });
    const context = `platform:${platformId}`;
    const { kind, baseUrl, settings, account } = view;
    return {
      ...this.carriers.openSealed(kind, view.sealedCredentials, context, { baseUrl, settings }),
      account,
      receiptsUrl: this.box.open(view.sealedWebhookUrl, context),
    };
  }
}
