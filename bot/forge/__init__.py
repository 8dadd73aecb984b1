"""The bot's only door to a forge: PyGithub and git, the same for GitHub and for the local emulator."""
