"""What is measured: labelled tables, where they come from, and the tasks made of them."""
