"""One file per full screen."""
