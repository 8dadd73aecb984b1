"""The data: sentence families, entities, noise, sources, and the builder that joins them."""
