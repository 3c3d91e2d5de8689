import { EMPTY } from 'rxjs';
import { RequestHandlers } from '../../lib/session/request-handlers.js';

describe('request handlers', () => {
  it('are one for each type and namespace, and say which is taken', () => {
    const handlers = new RequestHandlers();
    const handling = handlers.add('get', 'urn:example', () => EMPTY);
    handlers.add('set', 'urn:example', () => EMPTY);
    const again = () => handlers.add('get', 'urn:example', () => EMPTY);
    expect(again).toThrow(
      expect.objectContaining({ condition: 'handler-exists', text: expect.stringMatching(/get.*urn:example/) }),
    );
    handling.unsubscribe();
    expect(again).not.toThrow();
  });
});
