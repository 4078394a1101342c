"""How the tables came to be, one step after the other; a step that was released is never changed."""
