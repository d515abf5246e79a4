"""Passes over a bank on a GPU; `running` says where they run, and nothing else here imports Triton early."""
