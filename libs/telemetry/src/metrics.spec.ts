import { counter, gauge, histogram, renderMetrics } from './metrics.js';

describe('metrics', () => {
  it('renders counters, with labels in one order', async () => {
    const things = counter('spec_things_total', 'Things.');
    things.inc();
    things.inc({ b: 'x', a: 1 }, 2);
    things.inc({ a: 1, b: 'x' });
    const page = await renderMetrics();
    expect(page).toContain('# TYPE spec_things_total counter\n');
    expect(page).toContain('spec_things_total{a="1",b="x"} 3\n');
  });

  it('escapes label values', async () => {
    counter('spec_odd_total', 'Odd.').inc({ text: 'a"b\\c\nd' });
    expect(await renderMetrics()).toContain('spec_odd_total{text="a\\"b\\\\c\\nd"} 1');
  });

  it('reads a gauge when asked, and leaves out one that fails', async () => {
    gauge('spec_depth', 'Depth.', () => [[{ queue: 'a' }, 4]]);
    gauge('spec_broken', 'Broken.', () => Promise.reject(new Error('away')));
    const page = await renderMetrics();
    expect(page).toContain('spec_depth{queue="a"} 4');
    expect(page).not.toContain('spec_broken');
  });

  it('counts observations into cumulative buckets', async () => {
    const sizes = histogram('spec_sizes', 'Sizes.', [1, 10]);
    for (const size of [0.5, 5, 50]) sizes.observe({ kind: 'x' }, size);
    const page = await renderMetrics();
    expect(page).toContain(
      'spec_sizes_bucket{kind="x",le="1"} 1\nspec_sizes_bucket{kind="x",le="10"} 2\nspec_sizes_bucket{kind="x",le="+Inf"} 3\nspec_sizes_sum{kind="x"} 55.5\nspec_sizes_count{kind="x"} 3',
    );
  });

  it('gives the same metric for the same name, and refuses another type', () => {
    expect(counter('spec_same_total', 'Same.')).toBe(counter('spec_same_total', 'Same.'));
    expect(() => gauge('spec_same_total', 'Same.')).toThrow('already registered as a counter');
  });
});
