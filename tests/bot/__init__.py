"""Tests of the bot, one folder or file per part."""
