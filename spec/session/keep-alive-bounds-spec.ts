import { Subject } from 'rxjs';
import { after, expects, mute, reply, stall, unstall, type Script } from '../../lib/testing.js';
import { begins, ClientRun, hello, managesOnce, R } from '../support/client-run.js';
import { watchUnhandled } from '../support/wire-run.js';

const ASKS_BY_PING = expects(/^<iq (?=.* id='(?<ping>[^']+)').*<ping xmlns='urn:xmpp:ping'\/><\/iq>$/);
const PONG = reply(`<iq type='result' id='{ping}'/>`);
const PATIENT = { keepAlive: { idle: 2_000, timeout: 10_000 } };

function online(script: Script, options: object) {
  return new ClientRun([script], { options: { reconnect: false, ...options } }).connect().flush(0);
}

describe('keepAlive with more patience than it is idle', () => {
  watchUnhandled();

  it('waits for an answer for as long as it may take', () => {
    const run = online(begins(ASKS_BY_PING, after(9_000), PONG, mute()), PATIENT).flush(12_500);
    expect([run.status.kind, run.end]).toEqual(['online', undefined]);
    run.flush();
    expect([run.end, run.trace.at(-1)!.time]).toEqual(['timeout timeout (online)', 11_000 + 2_000 + 10_000]);
  });

  it('waits for what is written to be taken for as long as that may take', () => {
    const talk = Array.from({ length: 9 }, () => [after(1_000), reply(' ')]);
    const run = online(begins(after(500), stall(), talk, unstall(), after(500), reply(' '), mute()), PATIENT).flush(
      600,
    );
    run.client.send(hello('a'));
    run.flush(11_500);
    expect([run.status.kind, run.end]).toEqual(['online', undefined]);
    run.disconnect();
  });

  it('asks once, however often it is woken meanwhile', () => {
    const wake$ = new Subject<void>();
    const run = online(managesOnce(expects(R), mute()), { keepAlive: { ...PATIENT.keepAlive, wake$ } });
    for (const at of [100, 101, 900]) {
      run.flush(at);
      wake$.next();
    }
    run.flush(1_500);
    expect(run.transport.sent.split('<r ')).toHaveLength(2);
    run.disconnect();
  });
});
