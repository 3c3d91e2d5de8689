import { StreamError, xml } from '../../../lib/index.js';
import { xmlMatchers } from '../../../lib/testing.js';

describe('xmlMatchers', () => {
  const { toMatchXml, toMatchXmppError } = xmlMatchers;

  it('compare elements and their texts', () => {
    expect(toMatchXml(xml('presence', { id: 'p1' }), '<presence/>').pass).toBe(true);
    expect(toMatchXml("<a b='1' c='2'/>", xml('a', { c: '2', b: '1' })).pass).toBe(true);
    const failed = toMatchXml(xml('presence', { type: 'unavailable' }), '<presence/>');
    expect(failed.pass).toBe(false);
    expect(failed.message()).toContain("+ <presence type='unavailable'/>");
    expect(toMatchXml(undefined, '<presence/>').pass).toBe(false);
    expect(toMatchXml(xml('presence'), '<presence/>').message()).toBe('the elements mean the same');
  });

  it('compare errors by condition', () => {
    const error = new StreamError({ condition: 'conflict', phase: 'online' });
    expect(toMatchXmppError(error, 'conflict').pass).toBe(true);
    expect(toMatchXmppError(error, { condition: 'conflict', phase: 'bind' }).pass).toBe(false);
    expect(toMatchXmppError(undefined, 'conflict').message()).toContain('the errors differ');
  });
});
