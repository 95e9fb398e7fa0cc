"""Marketplace: the public door; buyers, sales, money."""
