"""From the characters and rules of a page to its text, whoever read them: words and lines in reading order, tables with spans."""
