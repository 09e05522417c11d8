"""Address ranges and which address comes next: decisions only, no files, no kernel."""
