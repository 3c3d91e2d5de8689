import { Component, computed, input } from '@angular/core';
import { presences, type Presence } from './model';

/** The first letter on a colour of its own, and a dot for presence. */
@Component({
  selector: 'chat-avatar',
  template: `
    <span class="circle" aria-hidden="true" [style.--hue]="hue()">{{ letter() }}</span>
    @if (presence(); as known) {
      <span class="dot" [class]="known"></span>
      <span class="visually-hidden">{{ presences[known] }}</span>
    }
  `,
  styles: `
    :host {
      position: relative;
      flex: none;
      width: 44px;
      height: 44px;
    }
    .circle {
      display: grid;
      place-items: center;
      width: 100%;
      height: 100%;
      border-radius: 50%;
      background: light-dark(hsl(var(--hue) 60% 88%), hsl(var(--hue) 32% 28%));
      color: light-dark(hsl(var(--hue) 65% 26%), hsl(var(--hue) 60% 86%));
      font-weight: 650;
      font-size: 1.125rem;
    }
    .dot {
      position: absolute;
      right: -1px;
      bottom: -1px;
      width: 14px;
      height: 14px;
      border: 3px solid var(--surface);
      border-radius: 50%;
      background: var(--good);
    }
    .dot.away {
      background: var(--away);
    }
    .dot.busy {
      background: var(--bad);
    }
    .dot.offline {
      background: light-dark(#b4b9c9, #5a6178);
    }
  `,
  host: { style: 'display: block' },
})
export class Avatar {
  readonly name = input.required<string>();
  readonly presence = input<Presence>();

  protected readonly presences = presences;
  protected readonly letter = computed(() => [...this.name()][0]?.toUpperCase() ?? '?');
  protected readonly hue = computed(
    () => [...this.name()].reduce((sum, char) => sum * 31 + char.codePointAt(0)!, 7) % 360,
  );
}
