import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { PlatformKind } from '@strowger/contracts-provisioning';
import {
  CarrierHttp,
  messageExchange,
  restcomm,
  type CarrierPort,
  type ClosableCarrier,
  type ExchangeObserver,
  type MessageExchangePort,
  type MessageExchangeProfile,
  type PlatformAccess,
} from '@strowger/cpaas';
import { SecretBox } from '@strowger/kernel';
import { ProvisioningConfig } from '../config.js';
import type { Platform } from '../platforms/platform.entity.js';
import { BaseUrlNotAllowed, ExchangeNotConfigured } from '../platforms/platform.errors.js';

/** Credentials before they are sealed. */
export interface OpenCredentials {
  kind: PlatformKind;
  baseUrl?: string | null;
  account: string;
  secret: string;
  exchange?: { token: string; profile: MessageExchangeProfile };
}

/** A platform ready to be talked to; held in memory for the length of a use, never stored. */
export interface OpenPlatform {
  carrier: CarrierPort;
  access: PlatformAccess;
  /** Absent when numbers need no SMS-enablement of their own. */
  exchange?: MessageExchangePort;
}

/** The carriers' adapters, and the keys to the platforms. */
@Injectable()
export class Carriers implements OnApplicationShutdown {
  readonly box: SecretBox;
  private readonly http: CarrierHttp;
  private readonly adapters: Record<PlatformKind, ClosableCarrier>;

  constructor(@Inject(ProvisioningConfig) private readonly config: Readonly<ProvisioningConfig>) {
    this.box = SecretBox.fromKeyring(config.secretKeys);
    const { carrierReadMs: readMs } = config;
    this.http = new CarrierHttp({ readMs });
    this.adapters = { restcomm: restcomm({ readMs }) };
  }

  open(platform: Platform, onExchange?: ExchangeObserver): OpenPlatform {
    const { kind, baseUrl, account, sealContext, sealedExchangeToken, exchangeProfile } = platform;
    const exchange = sealedExchangeToken && {
      token: this.box.open(sealedExchangeToken, sealContext),
      profile: exchangeProfile ?? ('canonical' as const),
    };
    const secret = this.box.open(platform.sealedSecret, sealContext);
    return this.openWith({ kind, baseUrl, account, secret, exchange: exchange || undefined }, onExchange);
  }

  openWith(credentials: OpenCredentials, onExchange?: ExchangeObserver): OpenPlatform {
    const { kind, account, secret, exchange } = credentials;
    return {
      carrier: this.adapters[kind],
      access: {
        kind,
        baseUrl: this.baseUrlOf(credentials.baseUrl),
        accountSid: account,
        authToken: secret,
        applicationName: this.config.applicationName,
        onExchange,
      },
      exchange:
        exchange &&
        messageExchange({ ...exchange, baseUrl: this.exchangeUrlOf(exchange.profile), onExchange }, this.http),
    };
  }

  /** @throws BaseUrlNotAllowed: callers choose from the installation's list, so that we can't be sent anywhere else. */
  baseUrlOf(chosen: string | null | undefined): string {
    const allowed = this.config.restcommBaseUrls.map((url) => url.replace(/\/+$/, ''));
    const baseUrl = chosen ? allowed.find((url) => url === chosen.replace(/\/+$/, '')) : allowed[0];
    if (!baseUrl) throw new BaseUrlNotAllowed(allowed);
    return baseUrl;
  }

  private exchangeUrlOf(profile: MessageExchangeProfile): string {
    const { messageExchangeBaseUrls, teleapiBaseUrls } = this.config;
    const [baseUrl] = profile === 'teleapi' ? teleapiBaseUrls : messageExchangeBaseUrls;
    if (!baseUrl) throw new ExchangeNotConfigured(profile);
    return baseUrl;
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.http.close(), ...Object.values(this.adapters).map((adapter) => adapter.close())]);
  }
}
