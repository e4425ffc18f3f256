"""vitlab: which image classifier should I use on my images, and why?

The commands are `python -m vitlab.<command>`; the rooms below them are described in README.md.
Importing this package imports neither JAX nor NumPy, so that `--help` answers at once.
"""

__version__ = "0.1.0"
