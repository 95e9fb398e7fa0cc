"""How the weights came to be: rendered roofs in, weights, figures and the model card out. No service imports this."""
