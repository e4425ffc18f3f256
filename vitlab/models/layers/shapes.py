"""The shapes that layers and networks share. The tests check them at every call."""

from jaxtyping import Array, Float

Maps = Float[Array, "batch height width channels"]
NewMaps = Float[Array, "batch rows columns out_channels"]
Tokens = Float[Array, "batch tokens channels"]
Queries = Float[Array, "batch queries channels"]  # of the tokens that have a query: all, or the first
