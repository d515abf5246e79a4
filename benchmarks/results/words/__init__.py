"""Names, numbers, intervals and verdicts, as the pages say them, and small tables."""
