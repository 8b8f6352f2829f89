// Calls to a worker, each answered once. When the worker is ended, calls that
// wait fail with Cancelled.

/** The work was given up because somebody asked for it. */
export class Cancelled extends Error {}

/** The worker itself failed. */
export class WorkerError extends Error {}

/** A tool refused the code; output is what it printed. */
export class Refused extends Error {
  readonly output: string;
  constructor(output: string) {
    super('a tool refused the code');
    this.output = output;
  }
}

interface Waiting {
  done(answer: unknown): void;
  fail(e: Error): void;
  progress?: ((p: { done: number; total: number }) => void) | undefined;
}

interface Message {
  id: number;
  answer?: unknown;
  thrown?: string;
  output?: string;
  progress?: { done: number; total: number };
}

export class Remote {
  private readonly worker: Worker;
  private next = 0;
  private readonly waiting = new Map<number, Waiting>();

  constructor(worker: Worker) {
    this.worker = worker;
    worker.onmessage = (e: MessageEvent<Message>) => {
      const w = this.waiting.get(e.data.id);
      if (e.data.progress) {
        w?.progress?.(e.data.progress);
        return;
      }
      this.waiting.delete(e.data.id);
      if (e.data.output !== undefined) w?.fail(new Refused(e.data.output));
      else if (e.data.thrown !== undefined) w?.fail(new WorkerError(e.data.thrown));
      else w?.done(e.data.answer);
    };
    worker.onerror = (e) => {
      e.preventDefault();
      this.failAll(new WorkerError(e.message || 'the worker could not start'));
    };
  }

  call<T>(message: Record<string, unknown>, progress?: Waiting['progress']): Promise<T> {
    const id = ++this.next;
    return new Promise<T>((done, fail) => {
      this.waiting.set(id, { done: done as (a: unknown) => void, fail, progress });
      this.worker.postMessage({ id, ...message });
    });
  }

  end(): void {
    this.worker.terminate();
    this.failAll(new Cancelled('ended'));
  }

  private failAll(e: Error): void {
    for (const w of this.waiting.values()) w.fail(e);
    this.waiting.clear();
  }
}
