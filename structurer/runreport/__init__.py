"""A run on one page of HTML, with plots. `page` is the door."""
