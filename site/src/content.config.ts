import { defineCollection } from 'astro:content';
import { docsLoader } from '@astrojs/starlight/loaders';
import { docsSchema } from '@astrojs/starlight/schema';
import { z } from 'astro/zod';
import { handoutLoader } from './code/text.ts';
import type { Lesson } from './lesson/format.ts';
import { lessonLoader } from './lesson/loader.ts';

export const collections = {
  docs: defineCollection({ loader: docsLoader(), schema: docsSchema() }),
  // The labs' handouts, section by section; entry ids are "raft-en", "kv-zh" and so on.
  handout: defineCollection({
    loader: handoutLoader(),
    schema: z.object({ intro: z.string(), sections: z.array(z.object({ part: z.string(), title: z.string(), html: z.string() })), skeleton: z.record(z.string(), z.string()) }),
  }),
  // The lessons' texts live with the labs; entry ids are "NN-name/en" and "/zh".
  lessons: defineCollection({
    loader: lessonLoader(),
    schema: z.object({
      name: z.string(),
      lang: z.enum(['en', 'zh']),
      title: z.string(),
      description: z.string(),
      minutes: z.number().int().positive(),
      parts: z.array(z.union([z.object({ html: z.string() }), z.object({ directive: z.string(), id: z.string() })])),
      lesson: z.custom<Lesson>(),
    }),
  }),
};
