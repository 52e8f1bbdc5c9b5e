import { openInstallation } from './installation.ts'
import { tellStory } from './story.ts'

tellStory('the catalog that the environment names', async () => openInstallation(process.env))
