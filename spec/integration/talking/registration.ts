import { lastValueFrom, of } from 'rxjs';
import { cancelRegistration, changePassword, register, type RegistrationForm } from '../../../lib/index.js';
import type { RealServer } from '../../servers/index.js';
import { attempt, close, disconnectAll, optionsFor, overDirectTls, overStartTls, soon } from '../support/attempt.js';
import type { Topic } from '../support/topic.js';

const DOMAIN = 'registration.test';
const CONFIG = { prosody: '', ejabberd: 'registration_timeout: infinity' } as const;

/** XEP-0077. */
export const registering: Topic = {
  title: 'registration',
  needs: (name) => ({ hosts: { [DOMAIN]: { users: { alice: 'wonder' } } }, config: CONFIG[name] }),
  specs: (_name, running) => {
    let server: RealServer;
    beforeAll(() => void (server = running().at(DOMAIN)));
    afterEach(disconnectAll);

    const enrol = (username: string, password: string, direct = false) => {
      const forms: RegistrationForm[] = [];
      const transport = direct ? overDirectTls(server) : overStartTls(server);
      const registered = lastValueFrom(
        register({ domain: server.domain, transport }, (form) => {
          forms.push(form);
          return of({ username, password });
        }),
      );
      return { registered: soon(registered, 'the registration'), forms };
    };
    const signIn = (username: string, password: string) =>
      attempt(optionsFor(server, username, { credentials: { password } }));

    it('registerWithElements: an account is registered, changes its password, and is removed', async () => {
      const { registered, forms } = enrol('carol', 'first-Secret-1');
      expect(String(await registered)).toBe(`carol@${server.domain}`);
      expect(forms[0]!.fields.map(({ name: field }) => field)).toEqual(
        expect.arrayContaining(['username', 'password']),
      );

      const session = await signIn('carol', 'first-Secret-1').online();
      await soon(lastValueFrom(changePassword(session, 'second-Secret-2'), { defaultValue: 'done' }), 'the change');
      await close(session);
      expect(await signIn('carol', 'first-Secret-1').failure()).toMatchObject({ condition: 'not-authorized' });

      const again = signIn('carol', 'second-Secret-2');
      const ended = again.ended();
      await soon(lastValueFrom(cancelRegistration(await again.online()), { defaultValue: 'done' }), 'the removal');
      await ended;
      expect(await signIn('carol', 'second-Secret-2').failure()).toMatchObject({ condition: 'not-authorized' });
    });

    it('over direct TLS', async () => {
      expect(String(await enrol('dave', 'third-Secret-3', true).registered)).toBe(`dave@${server.domain}`);
    });

    it('a name that is taken is a conflict', async () => {
      await expect(enrol('alice', 'fourth-Secret-4').registered).rejects.toMatchObject({
        layer: 'stanza',
        condition: 'conflict',
        phase: 'register',
      });
    });
  },
};
