import { inject, provideBrowserGlobalErrorListeners, type ApplicationConfig } from '@angular/core';
import { provideXmpp } from 'rxmpp/angular';
import { Account } from './account';

export const appConfig: ApplicationConfig = {
  providers: [provideBrowserGlobalErrorListeners(), provideXmpp(() => inject(Account).options$)],
};
