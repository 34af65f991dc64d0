"""Reading with language models: what they are asked, and how replies are read and put together. `reading` is the door."""
