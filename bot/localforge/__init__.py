"""The local forge: an emulator of GitHub's REST API, git over HTTP, webhooks and pages, on a loopback
address.
"""
