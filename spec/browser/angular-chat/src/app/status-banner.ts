import { Component, computed, inject, output, signal } from '@angular/core';
import { takeUntilDestroyed, toObservable, toSignal } from '@angular/core/rxjs-interop';
import { interval, map, NEVER, of, startWith, switchMap, timer } from 'rxjs';
import { Connection } from './connection';
import { describeError } from './describe-error';

interface Banner {
  readonly kind: 'busy' | 'waiting' | 'good';
  readonly text: string;
}

/** What the connection is doing, where that is not simply working. */
@Component({
  selector: 'chat-status-banner',
  template: `
    <div role="status" aria-live="polite">
      @if (banner(); as shown) {
        <div class="banner {{ shown.kind }}" data-testid="banner" [attr.data-status]="status().kind">
          <span class="sign" aria-hidden="true"></span>
          <p>
            {{ shown.text }}
            @if (secondsLeft(); as seconds) {
              <!-- Read out each second it would drown everything else. -->
              <span aria-hidden="true" class="countdown">Trying again in {{ seconds }}.</span>
            }
          </p>
          @if (shown.kind === 'waiting') {
            <button type="button" (click)="retry()">Retry now</button>
          }
        </div>
      }
    </div>
  `,
  styleUrl: './status-banner.css',
})
export class StatusBanner {
  protected readonly connection = inject(Connection);
  protected readonly status = this.connection.status;
  readonly retried = output();
  /** Whether there was a loss since the page was shown, and for how long that it is mended is told. */
  readonly #lost = signal(false);
  readonly #told = signal(true);

  protected readonly secondsLeft = toSignal(
    toObservable(this.status).pipe(
      switchMap((status) => {
        if (status.kind !== 'waiting' || !Number.isFinite(status.until)) return of('');
        return interval(250).pipe(
          startWith(0),
          map(() => inSeconds(status.until - Date.now())),
        );
      }),
    ),
    { initialValue: '' },
  );

  protected readonly banner = computed((): Banner | undefined => {
    const status = this.status();
    switch (status.kind) {
      case 'online':
        if (!this.#lost() || this.#told()) return undefined;
        return {
          kind: 'good',
          text: status.resumed ? 'Back online. Nothing was lost.' : 'Back online.',
        };
      case 'waiting':
        // Without a time for the next attempt it is the network that is awaited, whatever was the loss.
        return {
          kind: 'waiting',
          text: Number.isFinite(status.until) ? describeError(status.error) : 'There is no network.',
        };
      case 'offline':
      case 'closing':
        return undefined;
      case 'resuming':
        return { kind: 'busy', text: 'Picking up where we were…' };
      default:
        return this.#lost() ? { kind: 'busy', text: 'Connecting…' } : undefined;
    }
  });

  constructor() {
    toObservable(this.status)
      .pipe(
        switchMap(({ kind }) => {
          if (kind === 'online') return this.#lost() ? timer(5000) : NEVER;
          this.#lost.set(true);
          this.#told.set(false);
          return NEVER;
        }),
        takeUntilDestroyed(),
      )
      .subscribe(() => this.#told.set(true));
  }

  protected retry(): void {
    this.connection.retryNow();
    this.retried.emit();
  }
}

function inSeconds(milliseconds: number): string {
  const seconds = Math.max(1, Math.ceil(milliseconds / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
