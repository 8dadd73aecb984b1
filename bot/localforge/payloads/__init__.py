"""GitHub's JSON for each resource: pure functions from table rows and git facts, one module per subject."""

import base64


def node_id(kind: str, id) -> str:
    """A GraphQL node id, opaque to clients; `graphql.py` reads it back."""
    return base64.b64encode(f"0:{kind}:{id}".encode()).decode()
