// The two languages as routes: English at the root, Chinese under /zh/.
import type { Lang } from './player/messages.ts';

export const localePaths = [{ params: { lang: undefined }, props: { lang: 'en' as Lang } }, { params: { lang: 'zh' }, props: { lang: 'zh' as Lang } }];

/** A page's address in a language. */
export function href(lang: Lang, path: string): string {
  const base = import.meta.env.BASE_URL.replace(/\/?$/, '/');
  return `${base}${lang === 'zh' ? 'zh/' : ''}${path}`;
}
