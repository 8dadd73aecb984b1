"""Webhooks and their deliveries."""

import json

from bot.localforge.payloads.repos import full_name


def hook(forge, repo, row) -> dict:
    url = f"{forge.api}/repos/{full_name(repo)}/hooks/{row['id']}"
    return {
        "type": "Repository",
        "id": row["id"],
        "name": "web",
        "active": bool(row["active"]),
        "events": json.loads(row["events"]),
        "config": public_config(row),
        "updated_at": row["updated_at"],
        "created_at": row["created_at"],
        "url": url,
        "test_url": f"{url}/test",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": {
            "code": row["last_code"],
            "status": row["last_status"],
            "message": row["last_message"],
        },
    }


def public_config(row) -> dict:
    """A hook's configuration with its secret masked, as GitHub gives it back."""
    config = json.loads(row["config"])
    return config | ({"secret": "********"} if config.get("secret") else {})


def delivery(forge, repo, row, full: bool = False) -> dict:
    out = {
        "id": row["id"],
        "guid": row["guid"],
        "delivered_at": row["delivered_at"],
        "redelivery": bool(row["redelivery"]),
        "duration": row["duration"] or 0,
        "status": row["status"] or "Pending",
        "status_code": row["status_code"] or 0,
        "event": row["event"],
        "action": row["action"],
        "installation_id": None,
        "repository_id": repo["id"],
        "throttled_at": None,
    }
    if full:
        out |= {
            "url": "",
            "request": {"headers": json.loads(row["request_headers"]), "payload": json.loads(row["payload"])},
            "response": {
                "headers": json.loads(row["response_headers"]),
                "payload": row["response_body"] or "",
            },
        }
    return out
