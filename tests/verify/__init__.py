"""Tests of `auton verify`, with shell scripts for kernels: real processes, real git, no QEMU unless said."""
