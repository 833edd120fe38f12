/** The carriers' adapters, and the keys to the platforms. */
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import {
  CarrierHttp,
  Carriers as Adapters,
  messageExchange,
  openCredentials,
  type Carrier,
  type ExchangeObserver,
  type MessageExchangePort,
  type MessageExchangeProfile,
  type OpenCarrier,
} from '@strowger/cpaas';
import { AppError, SecretBox, validated } from '@strowger/kernel';
import { ProvisioningConfig } from '../config.js';
import { BaseUrlNotAllowed, CarrierNotConfigured, ExchangeNotConfigured } from './carrier.errors.js';

/** What is known of a platform whose credentials are sealed. */
export interface SealedPlatform {
  kind: string;
  /** As its administrator chose it; without a choice the installation's first one. */
  baseUrl?: string | null;
  /** All fields in one envelope, opened with the context it was sealed in. */
  credentials: string;
  sealContext: string;
}

/** A platform with its credentials open, ready for requests; held in memory while it is used, never stored. */
export interface OpenPlatform extends OpenCarrier {
  /** Absent when numbers need no SMS-enablement of their own. */
  exchange?: MessageExchangePort;
}

@Injectable()
export class Carriers implements OnApplicationShutdown {
  readonly box: SecretBox;
  private readonly http: CarrierHttp;
  private readonly adapters: Adapters;

  constructor(private readonly config: ProvisioningConfig) {
    this.box = SecretBox.fromKeyring(config.secretKeys);
    const { carrierReadMs: readMs } = config;
    this.http = new CarrierHttp({ readMs });
    this.adapters = new Adapters({ readMs }, this.box);
  }

  /** @throws CarrierUnknown */
  of(kind: string): Carrier {
    return this.adapters.carrier(kind);
  }

  open(platform: SealedPlatform, onExchange?: ExchangeObserver): OpenPlatform {
    return this.openWith(platform.kind, this.credentialsOf(platform), platform.baseUrl, onExchange);
  }

  /** @param credentials of the carrier's own class */
  openWith(kind: string, credentials: object, chosenUrl?: string | null, onExchange?: ExchangeObserver): OpenPlatform {
    const settings = { applicationName: this.config.applicationName };
    const open = this.adapters.open(kind, credentials, {
      baseUrl: this.baseUrlOf(kind, chosenUrl),
      settings,
      onExchange,
    });
    const exchange = open.carrier.exchange?.(credentials);
    return {
      ...open,
      exchange:
        exchange &&
        messageExchange({ ...exchange, baseUrl: this.exchangeUrlOf(exchange.profile), onExchange }, this.http),
    };
  }

  credentialsOf({ kind, credentials, sealContext }: SealedPlatform): object {
    return openCredentials(this.of(kind).credentials, this.box, credentials, sealContext);
  }

  /** @throws InvalidInput naming each wrong field as `credentials.<field>` */
  parse(kind: string, given: unknown): object {
    try {
      return validated(this.of(kind).credentials, given);
    } catch (error) {
      throw inCredentials(AppError.wrap(error));
    }
  }

  /** @throws BaseUrlNotAllowed: callers choose from the installation's list, so that we can't be sent anywhere else. */
  baseUrlOf(kind: string, chosen: string | null | undefined): string {
    const allowed = (this.config.carrierBaseUrls[kind] ?? []).map((url) => url.replace(/\/+$/, ''));
    if (allowed.length === 0) throw new CarrierNotConfigured(kind);
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
    await Promise.all([this.http.close(), this.adapters.close()]);
  }
}

/** An error about fields of the credentials, as the request has them. */
export function inCredentials(error: AppError): AppError {
  const { errors, ...rest } = error.toJSON();
  if (!errors) return error;
  const named = errors.map(({ field, rule, message }) => {
    const full = `credentials.${field}`;
    return { field: full, rule, message: message.replaceAll(`'${field}'`, `'${full}'`) };
  });
  return AppError.from({ ...rest, errors: named });
}
