"""What our documents show is true: their commands are known, their snippets run, their links lead somewhere."""
