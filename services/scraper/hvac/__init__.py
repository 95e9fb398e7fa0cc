"""The county puller: agencies that let our app in, and their permits of one trade."""
