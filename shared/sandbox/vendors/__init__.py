"""One router a vendor; each speaks that vendor's real paths, authentication and error codes."""
