"""Lead generator (8008): prospects, triggers, scores, prices, clusters, publishing."""
