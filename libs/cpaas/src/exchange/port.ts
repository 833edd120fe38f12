/** SMS-enablement with mobile carriers (carrier-message-exchange §4): not a carrier, used beside some. */
import { IsIn, IsOptional, IsString, Length } from 'class-validator';
import { Credential } from '../credentials.js';

export type EnablementState = 'enabled' | 'pending' | 'failed';

/** What the mobile-carrier side says of one number. */
export interface EnablementRecord {
  /** E.164. */
  number: string;
  state: EnablementState;
  /** Opaque; present when pending, if the exchange gave one. */
  jobId: string | null;
  /** Verbatim, when failed. */
  reason: string | null;
  updatedAt: string | null;
  /** Something odd that was tolerated, e.g. a status we don't know. For the log. */
  warning?: string;
}

const PROFILES = ['canonical', 'teleapi'] as const;
export type MessageExchangeProfile = (typeof PROFILES)[number];

export interface ExchangeCredentials {
  token: string;
  profile: MessageExchangeProfile;
}

/** Fields of a carrier's credentials where numbers can be SMS-enabled beside it. */
export abstract class WithMessageExchange {
  @IsOptional()
  @IsString()
  @Length(1, 256)
  @Credential({
    label: 'Message Exchange Token',
    hint: 'With it, adding a number also SMS-enables it with the mobile carrier.',
  })
  messageExchangeToken?: string;

  @IsOptional()
  @IsIn(PROFILES)
  @Credential({ label: 'Message Exchange profile', is: 'choice' })
  messageExchangeProfile?: MessageExchangeProfile;
}

export const exchangeOf = ({
  messageExchangeToken: token,
  messageExchangeProfile: profile = 'canonical',
}: WithMessageExchange): ExchangeCredentials | undefined => (token ? { token, profile } : undefined);

/**
 * Errors: ExchangeRejected (a definite refusal, `details.reason` verbatim), ExchangeAlreadyExists (look it up),
 * ExchangeUnauthorized, ExchangeRateLimited, ExchangeUnavailable, and ExchangeAmbiguous (`outcome: 'unknown'`: it may
 * have worked, look it up).
 */
export interface MessageExchangePort {
  readonly profile: MessageExchangeProfile;
  /** Null when the exchange doesn't know the number. Give the job id if one is held: one profile needs it for the answer. */
  lookup(number: string, held?: { jobId?: string | null }): Promise<EnablementRecord | null>;
  add(number: string): Promise<{ jobId: string | null; state: EnablementState }>;
  /** A job that expired is settled by looking the number up; unknown there too is failed with `Job not found`. */
  job(jobId: string, number: string): Promise<EnablementRecord>;
  /** Done when it is gone already; ExchangeAlreadyExists while a job is still running. */
  remove(number: string): Promise<void>;
  /** Absent where the exchange has no such call. */
  verifyToken?(): Promise<void>;
}
