"""A small model and a task with written steps, trained with TRL itself; and the real one where weights are at hand."""
