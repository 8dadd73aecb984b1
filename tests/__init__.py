"""Tests mirror bot/, kernels/ and SLM/."""
