import { defineCollection } from 'astro:content';
import { docsLoader } from '@astrojs/starlight/loaders';
import { docsSchema } from '@astrojs/starlight/schema';
import { glob } from 'astro/loaders';
import { z } from 'astro/zod';

export const collections = {
  docs: defineCollection({ loader: docsLoader(), schema: docsSchema() }),
  // The lessons' texts live with the labs; entry ids are "NN-name/en" and "/zh".
  lessons: defineCollection({
    loader: glob({ base: '../labs/lessons', pattern: '*/{en,zh}.md', generateId: ({ entry }) => entry.replace(/\.md$/, '') }),
    schema: z.object({ title: z.string(), description: z.string(), minutes: z.number().int().positive() }),
  }),
};
