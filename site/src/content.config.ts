import { defineCollection } from 'astro:content';
import { docsLoader } from '@astrojs/starlight/loaders';
import { docsSchema } from '@astrojs/starlight/schema';
import { z } from 'astro/zod';
import type { Lesson } from './lesson/format.ts';
import { lessonLoader } from './lesson/loader.ts';

export const collections = {
  docs: defineCollection({ loader: docsLoader(), schema: docsSchema() }),
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
