"""A small model trained by TRL on a task with written steps; and a public model, for those who have its weights."""
