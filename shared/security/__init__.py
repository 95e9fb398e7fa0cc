"""Tokens, passwords, permissions, encrypted fields, webhook signatures and the audit trail."""
