"""Whether a record is right: found on the page, confronted with its checks, what is wrong localised and mended, the doubtful flagged."""
