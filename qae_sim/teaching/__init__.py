"""The teacher's kit: plans, slides, handouts, answers, assignments and marks, all made from the lessons."""
