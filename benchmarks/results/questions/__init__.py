"""The questions, one for each page: its verdicts, its short answer, its tables."""
