/** Runs a carrier's provisioning steps as the saga does, without journal, retries or timeline. */
import { AppError } from '@strowger/kernel';
import type { Carrier, CarrierAccess, NumberToProvision, NumberUndoContext, ProvisionedAt } from '../carrier.js';
import { lookAgain } from '../look-again.js';

export class NumberWork {
  /** Outputs of the finished steps. */
  readonly output: Record<string, unknown> = {};
  private readonly context;

  constructor(
    private readonly carrier: Carrier,
    private readonly access: CarrierAccess,
    readonly number: NumberToProvision,
    webhookUrl: string,
  ) {
    this.context = {
      access,
      number,
      output: this.output,
      webhookUrl: () => Promise.resolve(webhookUrl),
      lookAgain: <T>(look: () => Promise<T | null>) => lookAgain([20, 50, 100], look),
    };
  }

  /** Every step in turn; one with an unknown outcome is probed where it can be, else run again. Stops after `last`. */
  async run(last?: string): Promise<ProvisionedAt | undefined> {
    for (const { name, step } of this.carrier.provisioning.steps) {
      let result: unknown;
      try {
        result = await step.run(this.context);
      } catch (error) {
        if (AppError.wrap(error).outcome !== 'unknown') throw error;
        result = (await step.probe?.(this.context)) ?? (await step.run(this.context));
      }
      this.output[name] = JSON.parse(JSON.stringify(result ?? null));
      if (name === last) break;
    }
    return this.carrier.provisioning.result(this.output);
  }

  /** Backwards from the failed step, that one included. */
  async undo(failedStep: string, failure: AppError): Promise<void> {
    const { steps } = this.carrier.provisioning;
    const from = steps.findIndex(({ name }) => name === failedStep);
    const context: NumberUndoContext<CarrierAccess, Record<string, unknown>> = { ...this.context, failure, failedStep };
    for (const { step } of steps.slice(0, from + 1).reverse()) await step.undo?.(context);
  }

  async release(at: ProvisionedAt): Promise<void> {
    await this.carrier.provisioning.release.run(this.access, { ...at, e164: this.number.e164 });
  }
}
