"""The local forge: GitHub's REST API, git over HTTP, webhooks and pages, emulated on a loopback address."""
