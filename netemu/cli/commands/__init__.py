"""The command line itself: words, options and help. What they do is imported when they run."""
