import { defineConfig } from 'astro/config';
import starlight from '@astrojs/starlight';
import svelte from '@astrojs/svelte';
import headers from './scripts/headers.mjs';
import offline from './scripts/offline.mjs';
import { codeLinks } from './src/code/links.mjs';
import { lessonLinks } from './src/lesson/links.mjs';

// Any static host will do, also one that serves the site from a sub-folder:
// SITE_BASE=/raftlab/ npm run build
const base = (process.env.SITE_BASE ?? '/').replace(/\/?$/, '/');

export default defineConfig({
  base,
  trailingSlash: 'always',
  devToolbar: { enabled: false },
  integrations: [
    starlight({
      title: 'raftlab',
      defaultLocale: 'root',
      locales: {
        root: { label: 'English', lang: 'en' },
        zh: { label: '简体中文', lang: 'zh-CN' },
      },
      sidebar: [
        { label: 'Playground', translations: { 'zh-CN': '演练场' }, link: '/playground/' },
        {
          label: 'Write Raft', translations: { 'zh-CN': '写 Raft' },
          items: codeLinks(),
        },
        { label: 'Lessons', translations: { 'zh-CN': '课程' }, items: lessonLinks() },
      ],
      customCss: ['./src/styles/site.css'],
      head: [
        { tag: 'script', content: `if ('serviceWorker' in navigator && isSecureContext) addEventListener('load', () => navigator.serviceWorker.register('${base}sw.js').catch(() => {}));` },
      ],
      credits: false,
      // A line that scrolls sideways is out of a keyboard's reach.
      expressiveCode: { defaultProps: { wrap: true } },
      pagination: true,
    }),
    svelte(),
    offline(base),
    headers(base),
  ],
});
