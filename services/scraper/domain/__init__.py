"""What public records mean; no input or output."""
