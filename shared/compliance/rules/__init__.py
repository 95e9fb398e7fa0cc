"""Rule data by date of effect."""
