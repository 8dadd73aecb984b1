"""The local workflow runner: runs `.github/workflows/*.yml` for the local forge."""
