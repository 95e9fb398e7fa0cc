"""What people see: pages rendered on the server, one stylesheet, a few scripts of our own."""
