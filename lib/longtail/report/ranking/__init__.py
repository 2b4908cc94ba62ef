"""The page that says which method to take: its numbers, sentences, figures, and the forms it is written in."""
