import { tcp } from '../../../lib/node.js';
import { startServerAsync } from '../../../lib/testing-node.js';
import { attempt, close, disconnectAll } from '../../integration/support/attempt.js';
import { expectResources, quietResources } from '../../integration/support/resources.js';

describe('an embedded server', () => {
  afterEach(disconnectAll);

  it.each([
    ['never answers', { do: 'mute' }, 'complete'],
    ['answers anything but the footer', { do: 'say', text: `<message/>`.repeat(3) }, 'complete'],
    ['ends the connection without a footer', { do: 'end' }, 'complete'],
    ['resets the connection', { do: 'cut' }, 'complete'],
    ['says goodbye with an error', { do: 'refuse', condition: 'system-shutdown' }, 'error'],
  ] as const)('that, asked to close, %s', async (_name, fault, log) => {
    const baseline = await quietResources();
    const running = await startServerAsync({
      domain: 'localhost',
      accounts: { alice: 'wonder' },
      faults: [{ at: 'close', ...fault }],
    });
    const made = attempt({
      jid: 'alice@localhost',
      credentials: { password: 'wonder' },
      transport: tcp({ host: running.host, port: running.port, tls: { ca: running.ca } }),
      keepAlive: false,
      timeouts: { close: 250 },
    });
    const session = await made.online();
    await close(session);
    await made.ended();
    expect(made.log).toEqual(['next', log]);
    const [closing, last] = made.trace.slice(-2);
    expect([closing!.type, last!.type]).toEqual(['closing', log === 'complete' ? 'closed' : 'failed']);
    if (fault.do === 'mute' || fault.do === 'say') {
      // Timers may be a little early by the clock, and late on a busy machine.
      expect(last!.time - closing!.time).toBeGreaterThanOrEqual(245);
    }
    await running.close();
    await expectResources(baseline);
  });
});
